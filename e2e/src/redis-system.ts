import { type OwnRedis, startOwnRedis, TcpProxy } from '@token-relay/testing/servers';
import Redis from 'ioredis';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppName, AppProcess } from './app-process';
import { type Services } from './chain';
import {
  type Account,
  basic,
  clientsFile,
  type ClientId,
  exchange,
  ISSUER,
  makeAccounts,
  post,
  secret,
  shared,
  type Username,
  usersFile,
} from './system';

const RECONNECT_LIMIT_MS = 10_000;

export interface RedisSystemOptions {
  /** How many auths there are. Default: 2. */
  readonly auths?: number;
  /** Whether Redis keeps every write, so that it has them after it was killed. Default: false. */
  readonly persistent?: boolean;
  /** What each auth is told besides. */
  readonly auth?: Readonly<Record<string, string>>;
  /** Whether the proxies keep what is said, from the beginning. Default: false. */
  readonly overhears?: boolean;
}

/**
 * The whole system on a Redis of its own, in processes that can be killed, frozen and cut off one by one:
 *
 * - each auth reaches Redis by its `redisProxies[i]`;
 * - the services reach the auths by `authProxy`, and their feed by `feedProxy`: one auth after the other.
 */
export class RedisSystem implements Services {
  readonly auths: AppProcess[] = [];
  readonly redisProxies: TcpProxy[] = [];
  audit!: AppProcess;
  resource!: AppProcess;
  gateway!: AppProcess;
  authProxy!: TcpProxy;
  feedProxy!: TcpProxy;
  readonly accounts: Readonly<Record<Username, Account>> = makeAccounts();
  readonly secrets: Readonly<Record<ClientId, string>> = { gateway: secret(), resource: secret(), audit: secret() };
  /** 32 bytes in base64. */
  readonly keyEncryptionKey = randomBytes(32).toString('base64');
  readonly #folder: string;
  readonly #redisParameters: readonly string[];
  readonly #auth: Readonly<Record<string, string>>;
  readonly #started: AppProcess[] = [];
  #redis: OwnRedis;

  private constructor(
    folder: string,
    redisParameters: readonly string[],
    redis: OwnRedis,
    auth: Readonly<Record<string, string>>,
  ) {
    this.#folder = folder;
    this.#redisParameters = redisParameters;
    this.#auth = auth;
    this.#redis = redis;
  }

  static async start({
    auths = 2,
    persistent = false,
    auth = {},
    overhears = false,
  }: RedisSystemOptions = {}): Promise<RedisSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const parameters = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder] : [];
    const system = new RedisSystem(folder, parameters, await startOwnRedis(parameters), auth);
    try {
      await system.#start(auths, overhears);
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  async #start(auths: number, overhears: boolean): Promise<void> {
    await writeFile(join(this.#folder, 'users.json'), await usersFile(Object.values(this.accounts)));
    await writeFile(join(this.#folder, 'clients.json'), clientsFile(this.secrets));
    this.authProxy = await TcpProxy.start();
    this.feedProxy = await TcpProxy.start();
    for (let i = 0; i < auths; i++) this.redisProxies.push(await TcpProxy.start(this.#redis.port));
    if (overhears) for (const proxy of this.proxies) proxy.overhear();
    await Promise.all(this.redisProxies.map((_, i) => this.startAuth(i)));
    this.leadToAuths();
    this.audit = await this.start('audit');
    this.resource = await this.start('resource');
    this.gateway = await this.start('gateway');
    await Promise.all([this.audit.ready(), this.resource.ready(), this.gateway.ready()]);
  }

  async stop(): Promise<void> {
    for (const app of this.#started) app.signal('SIGCONT');
    await Promise.all(this.#started.map((app) => app.stop()));
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    await this.#redis.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** All that there are: a start that has failed leaves some of them out. */
  get proxies(): readonly TcpProxy[] {
    const proxies: (TcpProxy | undefined)[] = [this.authProxy, this.feedProxy, ...this.redisProxies];
    return proxies.flatMap((proxy) => proxy ?? []);
  }

  /** All processes that were started, those that have ended among them. */
  get started(): readonly AppProcess[] {
    return this.#started;
  }

  /**
   * Starts an auth, for the first time or again; nobody is led to it by that.
   *
   * @param more what it is told besides, this time
   */
  async startAuth(i: number, more: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
    const auth = await this.#spawn('auth', {
      ISSUER,
      USERS_FILE: join(this.#folder, 'users.json'),
      CLIENTS_FILE: join(this.#folder, 'clients.json'),
      REDIS_URL: `redis://127.0.0.1:${this.redisProxies[i]?.port}`,
      KEY_ENCRYPTION_KEY: this.keyEncryptionKey,
      ...this.#auth,
      ...more,
    });
    this.auths[i] = auth;
    await auth.ready();
    return auth;
  }

  /** Leads services to these auths, or to all of them. New connections, that is. */
  leadToAuths(...auths: number[]): void {
    const chosen = auths.length === 0 ? this.auths : auths.map((i) => this.auth(i));
    const ports = chosen.map(({ url }) => Number(new URL(url).port));
    for (const proxy of [this.authProxy, this.feedProxy]) proxy.leadTo(...ports);
  }

  /** Leads them so, those that are connected too, and waits until each follows a feed again. */
  async reconnect(...auths: number[]): Promise<void> {
    this.leadToAuths(...auths);
    this.feedProxy.overhear();
    this.feedProxy.drop();
    const isFollowed = () => this.feedProxy.overheard.filter(({ answered }) => answered.includes('event: heartbeat'));
    for (const deadline = performance.now() + RECONNECT_LIMIT_MS; isFollowed().length < 3; await sleep(20)) {
      if (performance.now() > deadline) throw new Error('not every service follows a feed again');
    }
  }

  auth(i: number): AppProcess {
    const auth = this.auths[i];
    if (!auth) throw new Error(`there is no auth ${i}`);
    return auth;
  }

  redisProxy(i: number): TcpProxy {
    const proxy = this.redisProxies[i];
    if (!proxy) throw new Error(`there is no auth ${i}`);
    return proxy;
  }

  /** Starts a service as it is started with the system, and is stopped with it; it may not be ready yet. */
  start(name: Exclude<AppName, 'auth'>, more: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
    const common = { ...shared(this.authProxy.url), REVOCATIONS_URL: `${this.feedProxy.url}/revocations/feed` };
    const own = {
      audit: () => ({ RPC_PORT: '0', AUDIT_CLIENT_SECRET: this.secrets.audit }),
      resource: () => ({ AUDIT_URL: this.audit.addresses.rpc ?? '', RESOURCE_CLIENT_SECRET: this.secrets.resource }),
      gateway: () => ({ RESOURCE_URL: this.resource.url, GATEWAY_CLIENT_SECRET: this.secrets.gateway }),
    };
    return this.#spawn(name, { ...common, ...own[name](), ...more });
  }

  async #spawn(name: AppName, environment: Readonly<Record<string, string>>): Promise<AppProcess> {
    const app = AppProcess.spawn(name, environment);
    this.#started.push(app);
    await app.listening();
    return app;
  }

  get redis(): OwnRedis {
    return this.#redis;
  }

  /** Starts Redis again after `redis.stop()`, on the same port; with what it had, if it is persistent. */
  async startRedis(): Promise<void> {
    this.#redis = await startOwnRedis(this.#redisParameters, this.#redis.port);
  }

  /** Speaks to Redis itself, past all proxies. */
  async withRedis<Result>(speak: (redis: Redis) => Promise<Result>, url = this.#redis.url): Promise<Result> {
    const redis = new Redis(url);
    try {
      return await speak(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** @returns an access token */
  async login(username: Username): Promise<string> {
    const answer = await this.tryLogin(this.gateway.url, username);
    const body = (await answer.json()) as { access_token?: string; code?: string };
    if (!body.access_token) throw new Error(`no login: ${answer.status} ${body.code}`);
    return body.access_token;
  }

  /** @param url of the gateway, or of an auth */
  tryLogin(url: string, username: Username): Promise<Response> {
    return post(`${url}/auth/login`, { username, password: this.accounts[username].password });
  }

  exchange(client: ClientId, token: string, audience: string, more: Record<string, string> = {}) {
    return exchange(this.authProxy.url, { id: client, secret: this.secrets[client] }, token, audience, more);
  }

  /** An administrator's token for auth itself. */
  async adminToken(): Promise<string> {
    const { status, body } = await this.exchange('gateway', await this.login('admin'), 'auth');
    if (status !== 200) throw new Error(`no token for auth: ${status}`);
    return body.access_token ?? '';
  }

  /** Revokes at an auth, past the gateway. */
  revokeAt(i: number, adminToken: string, what: object): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}` };
    return post(`${this.auth(i).url}/admin/revocations`, { ...what, reason: 'a test' }, headers);
  }

  /** Asks an auth for something as a client does. */
  askAuth(i: number, path: string, client: ClientId, form: Record<string, string>): Promise<Response> {
    const authorization = basic({ id: client, secret: this.secrets[client] });
    return fetch(`${this.auth(i).url}${path}`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    });
  }

  /** How a request for the feed is answered: its status, and no more of it. */
  async feedStatus(i: number): Promise<number> {
    const ending = new AbortController();
    const authorization = basic({ id: 'resource', secret: this.secrets.resource });
    const answer = await fetch(`${this.auth(i).url}/revocations/feed`, {
      headers: { authorization },
      signal: ending.signal,
    });
    ending.abort();
    return answer.status;
  }
}

/** What an answer says, as far as tests ask for it. */
export async function outcome(answer: Response) {
  const { code } = (await answer.json()) as { code?: string };
  return { status: answer.status, code, retryAfter: answer.headers.get('retry-after') };
}

export const UNAVAILABLE = { status: 503, code: 'store_unavailable', retryAfter: '2' };
