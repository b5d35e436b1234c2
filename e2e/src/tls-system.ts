import {
  type OwnRedis,
  startTlsRedis,
  MountedSecret,
  TestCa,
  type TestCertificate,
} from '@token-relay/testing/servers';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TLSSocket } from 'node:tls';
import { Agent, fetch, type RequestInit } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AppName, AppProcess } from './app-process';
import {
  type Account,
  clientsFile,
  type ClientId,
  ISSUER,
  makeAccounts,
  secret,
  type Username,
  usersFile,
} from './system';

type Party = AppName | 'redis' | 'live';

/** Who may call whom: what `TLS_CLIENTS` says of each. */
const CALLERS: Partial<Record<AppName, string>> = {
  auth: 'gateway,resource,audit',
  resource: 'gateway',
  audit: 'resource',
};

/**
 * The whole system with TLS on every hop, none of which is excused: Redis, auth, audit, resource, a service with a
 * WebSocket, and the gateway. Each has a certificate of its own, mounted as an orchestrator would.
 */
export class TlsSystem {
  readonly accounts: Readonly<Record<Username, Account>> = makeAccounts();
  readonly secrets: Readonly<Record<ClientId, string>> = { gateway: secret(), resource: secret(), audit: secret() };
  /** 32 bytes in base64. */
  readonly keyEncryptionKey = randomBytes(32).toString('base64');
  readonly mounted = {} as Record<Party, MountedSecret>;
  readonly apps = {} as Record<AppName, AppProcess>;
  /** What has opened sockets at the service that has some, by the names in its certificates. */
  readonly upgrades: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'tls-system-'));
  readonly #agents: Agent[] = [];
  #redis: OwnRedis | undefined;
  #endLive: () => Promise<void> = () => Promise.resolve();

  private constructor(readonly ca: TestCa) {}

  static async start(): Promise<TlsSystem> {
    const system = new TlsSystem(await TestCa.create());
    try {
      await system.#start();
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    for (const party of ['redis', 'auth', 'audit', 'resource', 'live', 'gateway'] as const) {
      this.mounted[party] = new MountedSecret(this.#folder, await this.issue(party));
    }
    const { redis: files } = this.mounted;
    this.#redis = await startTlsRedis({
      cert: files.path('tls.crt'),
      key: files.path('tls.key'),
      ca: files.path('ca.crt'),
    });
    const path = (name: string, content: string): string => {
      writeFileSync(join(this.#folder, name), content);
      return join(this.#folder, name);
    };
    await this.#run('auth', {
      USERS_FILE: path('users.json', await usersFile(Object.values(this.accounts))),
      CLIENTS_FILE: path('clients.json', clientsFile(this.secrets)),
      REDIS_URL: this.#redis.url,
      KEY_ENCRYPTION_KEY: this.keyEncryptionKey,
    });
    const AUTH_URL = this.at('auth');
    await this.#run('audit', { AUTH_URL, RPC_PORT: '0', AUDIT_CLIENT_SECRET: this.secrets.audit });
    const AUDIT_URL = (this.apps.audit.addresses.rpc ?? '').replace('127.0.0.1', 'localhost');
    // Reads what was revoked from Redis itself, as a service may.
    const REVOCATIONS_URL = this.#redis.url;
    await this.#run('resource', {
      AUTH_URL,
      AUDIT_URL,
      REVOCATIONS_URL,
      RESOURCE_CLIENT_SECRET: this.secrets.resource,
    });
    const scopes = ['documents:read', 'documents:write', 'audit:read'];
    const routes = {
      destinations: {
        resource: { audience: 'resource', scopes },
        live: { url: await this.#serveLive(), audience: 'resource', scopes },
      },
      routes: [
        { prefix: '/live', methods: ['GET'], destination: 'live', rewrite: '/', webSocket: true },
        { prefix: '/api', methods: ['GET', 'POST'], destination: 'resource', rewrite: '/' },
      ],
    };
    await this.#run('gateway', {
      AUTH_URL,
      RESOURCE_URL: this.at('resource'),
      ROUTES_FILE: path('routes.json', JSON.stringify(routes)),
      GATEWAY_CLIENT_SECRET: this.secrets.gateway,
      WAIT_FOR: `auth=${AUTH_URL}/readyz`,
    });
    const resource = new Agent({ connect: await this.issue('gateway') });
    this.#agents.push(resource);
    for (const probe of [
      () => this.call('/readyz'),
      () => fetch(`${this.at('resource')}/readyz`, { dispatcher: resource }),
    ]) {
      for (const deadline = performance.now() + 20_000; (await probe()).status !== 200; await sleep(20)) {
        if (performance.now() > deadline) throw new Error('the system does not get ready');
      }
    }
  }

  /** A certificate for one of them, at this machine. */
  issue(name: string): Promise<TestCertificate> {
    return this.ca.issue([name, 'localhost', '127.0.0.1']);
  }

  get redisUrl(): string {
    return this.#redis?.url ?? '';
  }

  /** Where it listens, by its name. */
  at(name: AppName): string {
    return this.apps[name].url.replace('127.0.0.1', 'localhost');
  }

  /** Calls the gateway as anybody would. */
  call(path: string, { token, ...init }: RequestInit & { readonly token?: string } = {}) {
    const headers = { ...(init.headers as Record<string, string>), ...(token && { authorization: `Bearer ${token}` }) };
    return this.callAs({ ca: this.ca.pem }, `${this.at('gateway')}${path}`, { ...init, headers });
  }

  /** Calls anybody with a certificate, or without, by a connection of its own. */
  async callAs(presented: Partial<TestCertificate>, url: string, init: RequestInit = {}) {
    const agent = new Agent({ connect: { ...presented, timeout: 3_000 }, pipelining: 0 });
    this.#agents.push(agent);
    return fetch(url, { ...init, dispatcher: agent });
  }

  /** @returns an access token */
  async login(username: Username): Promise<string> {
    const { password } = this.accounts[username];
    const answer = await this.call('/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  async stop(): Promise<(number | NodeJS.Signals)[]> {
    await Promise.all(this.#agents.map((agent) => agent.destroy()));
    const codes = await Promise.all(Object.values(this.apps).map((app) => app.stop()));
    await this.#endLive();
    await this.#redis?.stop();
    rmSync(this.#folder, { recursive: true });
    return codes;
  }

  async #run(name: AppName, environment: Readonly<Record<string, string>>): Promise<void> {
    const callers = CALLERS[name];
    this.apps[name] = AppProcess.spawn(name, {
      ISSUER,
      ...this.mounted[name].environment,
      ...(callers !== undefined && { TLS_CLIENTS: callers }),
      ...environment,
    });
    await this.apps[name].listening();
  }

  /** A service that says back what it hears by a WebSocket. */
  async #serveLive(): Promise<string> {
    const { cert, key, ca } = await this.issue('live');
    const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket: WebSocket, { socket: connection }) => {
      const certificate = (connection as TLSSocket).getPeerX509Certificate();
      this.upgrades.push(certificate?.subjectAltName ?? '');
      socket.on('message', (data: Buffer, binary: boolean) => socket.send(data, { binary }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#endLive = async () => {
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }
}
