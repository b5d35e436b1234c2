import argon2 from 'argon2';
import { createHash, createPublicKey, randomBytes, randomUUID, type webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Bench } from '../harness/part';
import { type Served } from '../harness/served';
import { freePort } from '../harness/programs';
import { started } from './processes';

export const ISSUER = 'https://issuer.test';
export const APPS = resolve(__dirname, '../../../apps');
const SCOPES = ['documents:read', 'documents:write', 'audit:read'];
/** The longest that auth allows: a whole run takes less. */
const TOKEN_SECONDS = '900';

/** A token of a user, and who that is. */
export interface UserToken {
  readonly token: string;
  readonly subject: string;
}

/** The real auth, with users of its own: it issues, publishes its key, exchanges and tells what is revoked. */
export interface Issuer extends Served {
  /** What the gateway proves with that it is the gateway. */
  readonly secret: string;
  /** Tokens of as many users, of different sessions. */
  login(): Promise<UserToken[]>;
  /** What the tokens are signed with, as SPKI PEM. */
  publicKey(token: string): Promise<string>;
}

/** @param folder where its files may be */
export async function startIssuer(bench: Bench, folder: string, users: number): Promise<Issuer> {
  const [secret, password] = [randomBytes(32).toString('base64url'), randomBytes(12).toString('base64url')];
  const accounts = Array.from({ length: users }, (_, index) => ({ username: `user-${index}`, sub: randomUUID() }));
  await writeFile(join(folder, 'users.json'), await usersFile(accounts, password));
  await writeFile(join(folder, 'clients.json'), clientsFile(secret));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const served = await started({
    label: 'auth',
    place: 'around',
    command: bench.node,
    args: [resolve(APPS, 'auth/dist/main.js')],
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      ISSUER,
      SINGLE_AUTH: '1',
      ACCESS_TOKEN_SECONDS: TOKEN_SECONDS,
      USERS_FILE: join(folder, 'users.json'),
      CLIENTS_FILE: join(folder, 'clients.json'),
      DRAIN_SECONDS: '0',
    },
    url,
    probe: '/readyz',
  });
  return {
    ...served,
    secret,
    login: async () => {
      const tokens: UserToken[] = [];
      for (const { username, sub } of accounts)
        tokens.push({ token: await login(url, username, password), subject: sub });
      return tokens;
    },
    publicKey: (token) => publicKey(url, token),
  };
}

async function usersFile(
  accounts: readonly { readonly username: string; readonly sub: string }[],
  password: string,
): Promise<string> {
  // One for all: to make it takes as long as a login does. Auth takes no cheaper ones.
  const passwordHash = await argon2.hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  return JSON.stringify({ users: accounts.map((account) => ({ ...account, scopes: SCOPES, passwordHash })) });
}

function clientsFile(secret: string): string {
  const hash = createHash('sha256').update(secret).digest('base64url');
  const gateway = {
    id: 'gateway',
    secrets: [`sha256:${hash}`],
    audiences: { resource: SCOPES },
    scopes: ['revocations:read'],
    transactions: { scopes: SCOPES },
  };
  return JSON.stringify({ clients: [gateway] });
}

async function login(url: string, username: string, password: string): Promise<string> {
  const answer = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  const { access_token: token, code } = (await answer.json()) as Record<string, string>;
  if (token === undefined) throw new Error(`${username} can't log in: ${answer.status} ${code}`);
  return token;
}

async function publicKey(url: string, token: string): Promise<string> {
  const { kid } = decoded(token, 0);
  const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as {
    keys: ({ readonly kid: string } & webcrypto.JsonWebKey)[];
  };
  const key = keys.find((one) => one.kid === kid);
  if (!key) throw new Error('the token is signed with a key that is not published');
  return createPublicKey({ key: { ...key }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
}

/** What a token says, unverified: its header, 0, or its payload, 1. */
export function decoded(token: string, part: 0 | 1): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[part] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}
