import { join, resolve } from 'node:path';

// The built auth's own modules. What they export is no published interface: what is used of it stands here.

export interface NewSession {
  readonly id: string;
  readonly subject: string;
  readonly username: string;
  readonly credential: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly authTime: number;
  readonly notBefore: number;
  readonly userAgent: string;
  readonly address: string;
  readonly defaultEpoch: number;
  readonly tokenHash: string;
}

export interface PresentedToken {
  readonly sessionId: string;
  readonly hash: string;
  readonly clientId: string;
  readonly notBefore: number;
  readonly address: string;
}

export interface Successor {
  readonly hash: string;
  readonly sealed: string;
}

export interface SessionStore {
  create(session: NewSession): Promise<unknown>;
  use(token: PresentedToken, successor: Successor): Promise<{ readonly outcome: string }>;
  end(sessionId: string): Promise<void>;
}

export interface RefreshToken {
  readonly text: string;
  readonly sessionId: string;
  readonly hash: string;
}

interface RefreshTokens {
  firstRefreshToken(subject: string): RefreshToken;
  successorOf(token: RefreshToken): Promise<{ readonly successor: RefreshToken; readonly sealed: string }>;
}

type Clock = () => number;

interface EmbeddedStores {
  readonly EmbeddedStore: new (now: Clock) => { readonly sessions: SessionStore & { readonly size: number } };
}

interface RedisSessionStores {
  readonly RedisSessionStore: new (redis: object, options: { readonly now: Clock }) => SessionStore;
}

const AUTH = resolve(__dirname, '../../../apps/auth/dist');

export const refreshTokens = () => ofAuth<RefreshTokens>('sessions/refresh-token.js');
export const embeddedStores = () => ofAuth<EmbeddedStores>('store/embedded-store.js');
export const redisSessionStores = () => ofAuth<RedisSessionStores>('store/redis-session-store.js');

async function ofAuth<Exports>(path: string): Promise<Exports> {
  return (await import(join(AUTH, path))) as Exports;
}
