import { createPublicKey, randomBytes, type webcrypto } from 'node:crypto';
import { type Accounts, type User } from './accounts';
import { type Place } from './cores';
import { type Bench } from './part';
import { APPS, freePort } from './programs';
import { type Served } from './served';
import { started } from './started';

export interface AuthSetting {
  /** As it is called in the results. */
  readonly label: string;
  readonly place: Place;
  readonly accounts: Accounts;
  /** Where its state is; in its memory if there is none. */
  readonly redisUrl?: string | undefined;
  /** How long its tokens count. Default: its own. */
  readonly tokenSeconds?: number;
}

/** The built auth, in production mode, as it is started outside of benchmarks too. */
export async function startAuth(bench: Bench, setting: AuthSetting): Promise<Served> {
  const { label, place, accounts, redisUrl, tokenSeconds } = setting;
  const port = await freePort();
  return started({
    label,
    place,
    command: bench.node,
    args: [`${APPS}/auth/dist/main.js`],
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      DRAIN_SECONDS: '0',
      ...accounts.environment,
      ...(redisUrl === undefined
        ? { SINGLE_AUTH: '1' }
        : { REDIS_URL: redisUrl, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') }),
      ...(tokenSeconds !== undefined && { ACCESS_TOKEN_SECONDS: String(tokenSeconds) }),
    },
    url: `http://127.0.0.1:${port}`,
    probe: '/readyz',
  });
}

/** A user's access token. */
export async function login(url: string, { username, password }: User): Promise<string> {
  const answer = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  const { access_token: token, code } = (await answer.json()) as Record<string, string>;
  if (token === undefined) throw new Error(`${username} can't log in: ${answer.status} ${code}`);
  return token;
}

/** What a token of this auth is signed with, as SPKI PEM. */
export async function publicKeyOf(url: string, token: string): Promise<string> {
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
