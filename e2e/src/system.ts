import argon2 from 'argon2';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process';

export const ISSUER = 'https://issuer.test';

export interface Account {
  readonly username: string;
  readonly password: string;
  readonly sub: string;
  readonly scopes: readonly string[];
}

const SCOPES = {
  alice: ['documents:read', 'documents:write'],
  bob: ['documents:read', 'documents:write'],
  carol: ['documents:read'],
  admin: ['documents:read', 'documents:write', 'auth:admin', 'audit:read'],
};
export type Username = keyof typeof SCOPES;

export const secret = (): string => randomBytes(32).toString('base64url');

/** What every service is told: the issuer has a name of its own, wherever auth happens to listen. */
export const shared = (authUrl: string) => ({ ISSUER, AUTH_URL: authUrl, DANGEROUSLY_ALLOW_HTTP: '1' });

/** The whole system: four processes, in production mode, each in another time zone, on ports of the system's choice. */
export class System {
  private constructor(
    readonly auth: AppProcess,
    readonly audit: AppProcess,
    readonly resource: AppProcess,
    readonly gateway: AppProcess,
    readonly accounts: Readonly<Record<Username, Account>>,
    readonly secrets: Readonly<Record<'gateway' | 'resource', string>>,
    private readonly folder: string,
  ) {}

  static async start(
    options: { auth?: Record<string, string>; gateway?: Record<string, string> } = {},
  ): Promise<System> {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const accounts = makeAccounts();
    await writeFile(join(folder, 'users.json'), await usersFile(Object.values(accounts)));
    const secrets = { gateway: secret(), resource: secret() };

    const auth = await AppProcess.start('auth', {
      TZ: 'Pacific/Kiritimati',
      ISSUER,
      USERS_FILE: join(folder, 'users.json'),
      GATEWAY_CLIENT_SECRET: secrets.gateway,
      RESOURCE_CLIENT_SECRET: secrets.resource,
      ...options.auth,
    });
    const audit = await AppProcess.start('audit', {
      TZ: 'Pacific/Pago_Pago',
      RPC_PORT: '0',
      ...shared(auth.url),
    });
    const resource = await AppProcess.start('resource', {
      TZ: 'Asia/Kathmandu',
      AUDIT_URL: audit.addresses.rpc ?? '',
      RESOURCE_CLIENT_SECRET: secrets.resource,
      ...shared(auth.url),
    });
    const gateway = await AppProcess.start('gateway', {
      TZ: 'America/St_Johns',
      RESOURCE_URL: resource.url,
      GATEWAY_CLIENT_SECRET: secrets.gateway,
      ...shared(auth.url),
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
  async exchange(client: 'gateway' | 'resource', token: string, audience: string, more: Record<string, string> = {}) {
    const answer = await fetch(`${this.auth.url}/oauth/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:${this.secrets[client]}`).toString('base64')}`,
      },
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
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function makeAccounts(): Record<Username, Account> {
  const account = (username: Username): Account => ({
    username,
    password: randomBytes(9).toString('base64url'),
    sub: randomUUID(),
    scopes: SCOPES[username],
  });
  return { alice: account('alice'), bob: account('bob'), carol: account('carol'), admin: account('admin') };
}

async function usersFile(accounts: readonly Account[]): Promise<string> {
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
