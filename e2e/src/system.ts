import argon2 from 'argon2';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process';
import { remember } from './secrets';

export const ISSUER = 'https://issuer.test';

export interface Account {
  readonly username: string;
  readonly password: string;
  readonly sub: string;
  readonly scopes: readonly string[];
}

const OPERATION = ['revocations:write', 'keys:read', 'keys:rotate', 'keys:compromise'];
const SCOPES = {
  alice: ['documents:read', 'documents:write'],
  bob: ['documents:read', 'documents:write'],
  carol: ['documents:read'],
  admin: ['documents:read', 'documents:write', 'auth:admin', 'audit:read', ...OPERATION],
};
export type Username = keyof typeof SCOPES;

/** For which audiences each client may exchange tokens, and with which scopes. */
const AUDIENCES = {
  gateway: { resource: ['documents:read', 'documents:write', 'audit:read'], auth: OPERATION },
  resource: { audit: ['documents:read', 'documents:write', 'audit:read'] },
  audit: {},
};
export type ClientId = keyof typeof AUDIENCES;

/** An app on its users' devices, without a secret. */
export const NATIVE_CLIENT = { type: 'native', id: 'phone', scopes: ['documents:read', 'documents:write'] };

export function secret(): string {
  const made = randomBytes(32).toString('base64url');
  remember('a secret', made);
  return made;
}

/** What every service is told: the issuer has a name of its own, wherever auth happens to listen. */
export const shared = (authUrl: string, issuer = ISSUER) => ({
  ISSUER: issuer,
  AUTH_URL: authUrl,
  DANGEROUSLY_ALLOW_HTTP: '1',
});

/** The whole system: four processes, in production mode, each in another time zone, on ports of the system's choice. */
export class System {
  private constructor(
    readonly auth: AppProcess,
    readonly audit: AppProcess,
    readonly resource: AppProcess,
    readonly gateway: AppProcess,
    readonly accounts: Readonly<Record<Username, Account>>,
    readonly secrets: Readonly<Record<ClientId, string>>,
    private readonly folder: string,
  ) {}

  /**
   * @param options `issuer` is also the origin of pages: whatever stands in front of the gateway; `relayMode` is how calls
   *   are passed on
   */
  static async start(
    options: {
      issuer?: string;
      relayMode?: 'exchange' | 'transaction' | 'forward';
      /** What every service is told besides. */
      every?: Record<string, string>;
      auth?: Record<string, string>;
      gateway?: Record<string, string>;
    } = {},
  ): Promise<System> {
    const { issuer = ISSUER, relayMode } = options;
    const mode = relayMode && {
      RELAY_MODE: relayMode,
      ...(relayMode === 'forward' && { DANGEROUSLY_FORWARD: '1' }),
    };
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const accounts = makeAccounts();
    await writeFile(join(folder, 'users.json'), await usersFile(Object.values(accounts)));
    const secrets = { gateway: secret(), resource: secret(), audit: secret() };
    await writeFile(join(folder, 'clients.json'), clientsFile(secrets));

    const auth = await AppProcess.start('auth', {
      TZ: 'Pacific/Kiritimati',
      ISSUER: issuer,
      USERS_FILE: join(folder, 'users.json'),
      CLIENTS_FILE: join(folder, 'clients.json'),
      ...(options.auth?.REDIS_URL === undefined && { SINGLE_AUTH: '1' }),
      ...options.every,
      ...options.auth,
    });
    const audit = await AppProcess.start('audit', {
      TZ: 'Pacific/Pago_Pago',
      RPC_PORT: '0',
      AUDIT_CLIENT_SECRET: secrets.audit,
      ...shared(auth.url, issuer),
      ...mode,
      ...options.every,
    });
    const resource = await AppProcess.start('resource', {
      TZ: 'Asia/Kathmandu',
      AUDIT_URL: audit.addresses.rpc ?? '',
      RESOURCE_CLIENT_SECRET: secrets.resource,
      ...shared(auth.url, issuer),
      ...mode,
      ...options.every,
    });
    const gateway = await AppProcess.start('gateway', {
      TZ: 'America/St_Johns',
      RESOURCE_URL: resource.url,
      GATEWAY_CLIENT_SECRET: secrets.gateway,
      ...shared(auth.url, issuer),
      ...mode,
      ...options.every,
      ...options.gateway,
    });
    await Promise.all([audit.ready(), resource.ready(), gateway.ready()]);
    return new System(auth, audit, resource, gateway, accounts, secrets, folder);
  }

  get apps(): readonly AppProcess[] {
    return [this.gateway, this.resource, this.audit, this.auth];
  }

  /** @returns the exit codes, gateway's first and auth's last */
  async stop(): Promise<(number | NodeJS.Signals)[]> {
    const codes = await Promise.all(this.apps.map((app) => app.stop()));
    await rm(this.folder, { recursive: true });
    return codes;
  }

  /** @returns an access token */
  async login(username: Username): Promise<string> {
    const { password } = this.accounts[username];
    const answer = await post(`${this.gateway.url}/auth/login`, { username, password });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  /** Calls the gateway with a token. */
  call(path: string, token: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.gateway.url}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
    });
  }

  /** Exchanges a token as one of the clients would. */
  exchange(client: ClientId, token: string, audience: string, more: Record<string, string> = {}) {
    return exchange(this.auth.url, { id: client, secret: this.secrets[client] }, token, audience, more);
  }
}

export interface Credentials {
  readonly id: string;
  readonly secret: string;
}

/** What a client presents to auth, as its `Authorization`. */
export function basic({ id, secret }: Credentials): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}

/** Exchanges a token at an auth. */
export async function exchange(
  authUrl: string,
  client: Credentials,
  token: string,
  audience: string,
  more: Record<string, string> = {},
) {
  const answer = await fetch(`${authUrl}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basic(client) },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience,
      ...more,
    }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export function makeAccounts(): Record<Username, Account> {
  const account = (username: Username): Account => {
    const password = randomBytes(9).toString('base64url');
    remember('a password', password);
    return { username, password, sub: randomUUID(), scopes: SCOPES[username] };
  };
  return { alice: account('alice'), bob: account('bob'), carol: account('carol'), admin: account('admin') };
}

/** As `CLIENTS_FILE` has to be. */
export function clientsFile(secrets: Readonly<Record<ClientId, string>>): string {
  const clients = (Object.keys(AUDIENCES) as ClientId[]).map((id) => ({
    id,
    secrets: [`sha256:${createHash('sha256').update(secrets[id]).digest('base64url')}`],
    audiences: AUDIENCES[id],
    scopes: ['revocations:read'],
    // Whatever comes from outside begins at the gateway.
    ...(id === 'gateway' && { transactions: { scopes: AUDIENCES.gateway.resource } }),
  }));
  return JSON.stringify({ clients: [...clients, NATIVE_CLIENT] });
}

/** As `USERS_FILE` has to be. */
export async function usersFile(accounts: readonly Account[]): Promise<string> {
  const users = await Promise.all(
    accounts.map(async ({ username, sub, scopes, password }) => ({
      username,
      sub,
      scopes,
      passwordHash: await argon2.hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 }),
    })),
  );
  return JSON.stringify({ users });
}
