import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import argon2 from 'argon2';
import { type JWTPayload, SignJWT } from 'jose';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppModule } from '../src/app.module';
import { loadAuthConfig } from '../src/auth.config';
import { type AuthState, openState } from '../src/auth-state';
import { ARGON2ID } from '../src/users/argon2id';

export const ISSUER = 'https://issuer.test';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const ADMIN = ['revocations:write', 'keys:read', 'keys:rotate', 'keys:compromise'];
const DOCUMENTS = ['documents:read', 'documents:write'];
export const USERS = { alice: randomUUID(), bob: randomUUID(), admin: randomUUID() };
const CLIENTS = {
  gateway: {
    audiences: { resource: DOCUMENTS, auth: ADMIN },
    scopes: ['revocations:read'],
    transactions: { scopes: ['documents:read', 'audit:read'] },
  },
  resource: { audiences: { audit: DOCUMENTS }, scopes: ['revocations:read'] },
  audit: { audiences: {}, scopes: [] },
};
const NATIVE_CLIENTS = ['mobile', 'tablet'].map((id) => ({ id, type: 'native', scopes: ['documents:read'] }));
export type ClientName = keyof typeof CLIENTS;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** An auth that listens, with users and clients of its own. */
export class AuthApp {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
    readonly state: AuthState,
    /** Everything that it answers, as `GET /path/:parameter`. */
    readonly routes: readonly string[],
    /** What it has logged. */
    readonly lines: readonly string[],
    private readonly folder: string,
    private readonly secrets: Readonly<Record<ClientName, string>>,
    private readonly beside: AuthApp | undefined,
  ) {}

  /** @param beside another one, whose users and clients it has too */
  static async start(environment: Record<string, string> = { SINGLE_AUTH: '1' }, beside?: AuthApp): Promise<AuthApp> {
    const folder = beside?.folder ?? mkdtempSync(join(tmpdir(), 'auth-'));
    const secrets = beside?.secrets ?? { gateway: randomSecret(), resource: randomSecret(), audit: randomSecret() };
    if (!beside) await writeFiles(folder, secrets);
    const config = loadAuthConfig({
      ISSUER,
      USERS_FILE: join(folder, 'users.json'),
      CLIENTS_FILE: join(folder, 'clients.json'),
      ...environment,
    });
    const lines: string[] = [];
    const write = (text: string) => void lines.push(...text.trimEnd().split('\n'));
    const logger = createLogger('auth', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, { write });
    const state = await openState(config, logger);
    const app = await createHttpApp(AppModule.forRoot(config, state, logger), { logger, bodies: 'json-and-forms' });
    const routes: string[] = [];
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRoute', ({ method, url }) => void routes.push(...[method].flat().map((name) => `${name} ${url}`)));
    await app.listen(0, '127.0.0.1');
    await state.log.start();
    return new AuthApp(app, await app.getUrl(), state, routes, lines, folder, secrets, beside);
  }

  async stop(): Promise<void> {
    await this.app.close();
    if (!this.beside) rmSync(this.folder, { recursive: true });
  }

  async login(username: keyof typeof USERS): Promise<string> {
    const { body } = await this.post('/auth/login', JSON.stringify({ username, password: 'p' }), {
      'content-type': 'application/json',
    });
    return body.access_token as string;
  }

  /** A client's call, with a form. */
  asClient(client: ClientName, path: string, parameters: Record<string, string>): Promise<Answer> {
    return this.post(path, new URLSearchParams(parameters), { authorization: this.basic(client) });
  }

  async exchange(client: ClientName, token: string, audience: string): Promise<Answer> {
    const parameters = { subject_token: token, subject_token_type: ACCESS_TOKEN, audience };
    return this.asClient(client, '/oauth/token', { grant_type: EXCHANGE, ...parameters });
  }

  /** A token for `audience`, got by exchange. */
  async exchanged(client: ClientName, token: string, audience: string): Promise<string> {
    const { body } = await this.exchange(client, token, audience);
    return body.access_token as string;
  }

  /** A token of any kind that auth itself has signed, and that it remembers to have issued unless it is told not to. */
  async signed(claims: JWTPayload, header: { readonly typ?: string } = {}, minted = true): Promise<string> {
    const { keys, store, log } = this.state;
    const { kid, algorithm, privateKey } = await keys.signingKey();
    const iat = log.issuedAt();
    const all = { iss: ISSUER, iat, exp: iat + 300, jti: randomUUID(), sub: USERS.alice, ...claims };
    const minting = { subject: all.sub, jti: all.jti, expiresAt: all.exp + 60, defaultEpoch: 1, now: iat - 1 };
    if (minted) await store.mint(minting);
    return new SignJWT(all).setProtectedHeader({ alg: algorithm, kid, ...header }).sign(privateKey);
  }

  /** What it has logged under this message. */
  logged(message: string): Readonly<Record<string, unknown>>[] {
    const all = this.lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    return all.filter(({ msg }) => msg === message);
  }

  /** An operator's call, as the gateway relays it. */
  async asAdmin(body: unknown, token?: string): Promise<Answer> {
    const bearer = token ?? (await this.exchanged('gateway', await this.login('admin'), 'auth'));
    return this.post('/admin/revocations', JSON.stringify(body), {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
    });
  }

  /** An operator's call, as the gateway relays it. */
  async admin(method: 'GET' | 'POST', path: string, body?: unknown, token?: string): Promise<Answer> {
    const bearer = token ?? (await this.exchanged('gateway', await this.login('admin'), 'auth'));
    const answer = await fetch(`${this.url}/admin/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  }

  async isActive(client: ClientName, token: string): Promise<boolean> {
    return (await this.asClient(client, '/oauth/introspect', { token })).body.active as boolean;
  }

  basic(client: ClientName, secret = this.secrets[client]): string {
    return `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
  }

  async post(path: string, body: string | URLSearchParams, headers: Record<string, string>): Promise<Answer> {
    const answer = await fetch(`${this.url}${path}`, { method: 'POST', headers, body });
    const text = await answer.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, headers: answer.headers, body: parsed };
  }
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

async function writeFiles(folder: string, secrets: Readonly<Record<ClientName, string>>): Promise<void> {
  const passwordHash = await argon2.hash('p', ARGON2ID);
  const users = Object.entries(USERS).map(([username, sub]) => ({
    username,
    sub,
    passwordHash,
    scopes: username === 'admin' ? ADMIN : DOCUMENTS,
  }));
  const services = (Object.keys(CLIENTS) as ClientName[]).map((id) => ({
    id,
    secrets: [`sha256:${createHash('sha256').update(secrets[id]).digest('base64url')}`],
    ...CLIENTS[id],
  }));
  writeFileSync(join(folder, 'users.json'), JSON.stringify({ users }));
  writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients: [...services, ...NATIVE_CLIENTS] }));
}
