import { type OwnRedis, startOwnRedis } from '@token-relay/testing/servers';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { type AppName, AppProcess } from './app-process';
import { type Backend, Balancer, type BalancerOptions } from './balancer';
import { clientsFile, ISSUER, makeAccounts, secret, shared, usersFile } from './system';

const NAMES = ['auth', 'audit', 'resource', 'gateway'] as const satisfies readonly AppName[];
const START_LIMIT_MS = 60_000;
const EVENT_PAUSE_MS = 50;

export interface ReplicatedSystemOptions extends BalancerOptions {
  /** As every process is told. */
  readonly drainSeconds: number;
}

interface Replica extends Backend {
  readonly app: AppProcess;
}

interface Replaced {
  /** Its exit code, to come. */
  readonly exit: Promise<number | NodeJS.Signals>;
}

/** One service: its processes, and what leads to them. */
class Service {
  readonly replicas: Replica[] = [];

  constructor(
    readonly name: AppName,
    readonly balancer: Balancer,
    /** Where audit takes RPC: a port of its own behind a balancer of its own. */
    readonly rpc?: Balancer,
  ) {}
}

/**
 * The whole system with two processes of each service, on a real Redis. Services reach each other by balancers, as they
 * do by the Services of Kubernetes. Behind the gateway there is a service besides, with streams that never end: `/events`
 * and the WebSocket `/live`.
 */
export class ReplicatedSystem {
  readonly accounts = makeAccounts();
  /** Every process that there was. */
  readonly started: AppProcess[] = [];
  readonly #secrets = { gateway: secret(), resource: secret(), audit: secret() };
  readonly #keyEncryptionKey = randomBytes(32).toString('base64');
  readonly #options: ReplicatedSystemOptions;
  readonly #folder: string;
  readonly #redis: OwnRedis;
  readonly #services = new Map<AppName, Service>();
  readonly #streams: Server;

  private constructor(options: ReplicatedSystemOptions, folder: string, redis: OwnRedis) {
    this.#options = options;
    this.#folder = folder;
    this.#redis = redis;
    this.#streams = endlessStreams();
  }

  static async start(options: ReplicatedSystemOptions): Promise<ReplicatedSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const system = new ReplicatedSystem(options, folder, await startOwnRedis());
    try {
      await system.#start();
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    this.#streams.listen(0, '127.0.0.1');
    await once(this.#streams, 'listening');
    await writeFile(join(this.#folder, 'users.json'), await usersFile(Object.values(this.accounts)));
    await writeFile(join(this.#folder, 'clients.json'), clientsFile(this.#secrets));
    await writeFile(join(this.#folder, 'routes.json'), JSON.stringify(routes(urlOf(this.#streams))));
    for (const name of NAMES) {
      const rpc = name === 'audit' ? await Balancer.start(this.#options) : undefined;
      this.#services.set(name, new Service(name, await Balancer.start(this.#options), rpc));
    }
    for (const name of NAMES) await Promise.all([this.#startReplica(name), this.#startReplica(name)]);
    await Promise.all(NAMES.map((name) => this.#led(name)));
  }

  /** Of the gateway, as clients reach it. */
  get url(): string {
    return this.#url('gateway');
  }

  /** The processes that serve now. */
  get apps(): readonly AppProcess[] {
    return [...this.#services.values()].flatMap(({ replicas }) => replicas.map(({ app }) => app));
  }

  /**
   * Replaces every process of every service, one after the other.
   *
   * @param waits whether each waits for its successor to be ready, as a Deployment with `maxUnavailable: 0` does
   * @returns the exit codes of those that were replaced
   */
  async restart({ waits }: { readonly waits: boolean }): Promise<(number | NodeJS.Signals)[]> {
    const exits: Promise<number | NodeJS.Signals>[] = [];
    for (const name of NAMES) {
      for (const old of [...this.#service(name).replicas]) exits.push((await this.#replace(name, old, waits)).exit);
    }
    return Promise.all(exits);
  }

  /** What every process says of itself to its probe. */
  async readiness(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return Promise.all(
      this.apps.map(async (app) => (await (await fetch(`${app.url}/readyz`)).json()) as Record<string, unknown>),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.started.map((app) => app.stop()));
    const balancers = [...this.#services.values()].flatMap(({ balancer, rpc }) => (rpc ? [balancer, rpc] : [balancer]));
    await Promise.all(balancers.map((balancer) => balancer.stop()));
    this.#streams.closeAllConnections();
    this.#streams.close();
    await this.#redis.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #replace(name: AppName, old: Replica, waits: boolean): Promise<Replaced> {
    const { replicas, balancer, rpc } = this.#service(name);
    const remove = () => Promise.all([balancer.remove(old), rpc?.remove(rpcOf(old))]);
    if (!waits) {
      replicas.shift();
      const exit = old.app.stop();
      await Promise.all([this.#startReplica(name), remove()]);
      return { exit };
    }
    await this.#startReplica(name);
    await this.#led(name);
    replicas.shift();
    return { exit: old.app.stop().finally(() => void remove()) };
  }

  async #startReplica(name: AppName): Promise<void> {
    const drain = { DRAIN_SECONDS: String(this.#options.drainSeconds) };
    const app = AppProcess.spawn(name, { ...drain, ...this.#environment(name) });
    this.started.push(app);
    await app.listening(START_LIMIT_MS);
    const { balancer, rpc, replicas } = this.#service(name);
    const replica = { app, port: portOf(app.url), probe: `${app.url}/readyz` };
    replicas.push(replica);
    balancer.add(replica);
    rpc?.add(rpcOf(replica));
  }

  /** Waits until connections are led to each replica. */
  async #led(name: AppName): Promise<void> {
    const { balancer, replicas } = this.#service(name);
    for (const deadline = performance.now() + START_LIMIT_MS; !replicas.every((one) => balancer.leadsTo(one));) {
      if (performance.now() > deadline) throw new Error(`${name} does not get ready`);
      await sleep(20);
    }
  }

  #environment(name: AppName): Record<string, string> {
    const records = `${this.#redis.url}/1`;
    if (name === 'auth') {
      return {
        ISSUER,
        USERS_FILE: join(this.#folder, 'users.json'),
        CLIENTS_FILE: join(this.#folder, 'clients.json'),
        REDIS_URL: this.#redis.url,
        KEY_ENCRYPTION_KEY: this.#keyEncryptionKey,
      };
    }
    const own = {
      audit: () => ({ RPC_PORT: '0', AUDIT_CLIENT_SECRET: this.#secrets.audit, RECORDS_URL: records }),
      resource: () => ({
        AUDIT_URL: `tcp://${this.#service('audit').rpc?.address}`,
        RESOURCE_CLIENT_SECRET: this.#secrets.resource,
        RECORDS_URL: records,
      }),
      gateway: () => ({
        RESOURCE_URL: this.#url('resource'),
        ROUTES_FILE: join(this.#folder, 'routes.json'),
        GATEWAY_CLIENT_SECRET: this.#secrets.gateway,
      }),
    };
    return { ...shared(this.#url('auth')), ...own[name]() };
  }

  #service(name: AppName): Service {
    const service = this.#services.get(name);
    if (!service) throw new Error(`there is no ${name} yet`);
    return service;
  }

  #url(name: AppName): string {
    return `http://${this.#service(name).balancer.address}`;
  }
}

const rpcBackends = new WeakMap<Replica, Backend>();

/** The same replica, as it takes RPC. */
function rpcOf(replica: Replica): Backend {
  const known = rpcBackends.get(replica);
  if (known) return known;
  const backend = { port: portOf(replica.app.addresses.rpc ?? ''), probe: replica.probe };
  rpcBackends.set(replica, backend);
  return backend;
}

const portOf = (url: string): number => Number(new URL(url).port);
const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function routes(streamsUrl: string): object {
  const resource = { audience: 'resource', scopes: ['documents:read', 'documents:write', 'audit:read'] };
  const streams = { destination: 'streams', methods: ['GET'], scopes: ['documents:read'] };
  return {
    destinations: { resource, streams: { url: streamsUrl, audience: 'resource', scopes: ['documents:read'] } },
    routes: [
      { prefix: '/api', methods: ['GET', 'POST'], destination: 'resource', rewrite: '/', scopes: ['documents:read'] },
      { ...streams, prefix: '/events' },
      { ...streams, prefix: '/live', webSocket: true },
    ],
  };
}

/** Events and messages that are numbered, a stream each. */
function endlessStreams(): Server {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    endOf(
      response,
      counting((n) => response.write(`data: ${n}\n\n`)),
    );
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    endOf(
      socket,
      counting((n) => socket.send(String(n))),
    );
    socket.on('error', () => undefined);
  });
  return server;
}

function counting(send: (n: number) => unknown): NodeJS.Timeout {
  let n = 0;
  return setInterval(() => send(++n), EVENT_PAUSE_MS);
}

function endOf(stream: { once(event: 'close', listener: () => void): unknown }, timer: NodeJS.Timeout): void {
  stream.once('close', () => clearInterval(timer));
}
