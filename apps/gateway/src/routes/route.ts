import { type RelayModeName } from '@token-relay/jwt-guard';

/** What a route can be for. `HEAD` comes with `GET` (RFC 9110, section 9.1), and is never there alone. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof METHODS)[number];

/** What is passed on: everything below a path, for some methods, to one destination. */
export interface Route {
  /** Path that it begins with, as `/api/documents`. */
  readonly prefix: string;
  readonly methods: readonly Method[];
  /** What stands in the place of the prefix at the destination; empty for nothing. */
  readonly rewrite: string;
  readonly destination: string;
  /** The relay contract by which the destination is called. */
  readonly contract: string;
  readonly mode: RelayModeName;
  /** All of which a caller's token has to hold, here at the edge. */
  readonly scopes: readonly string[];
  /** How long the destination may take to answer, and each side be silent after that, in milliseconds. */
  readonly timeoutMs: number;
  /** Of a request's body, or of one message of a socket. */
  readonly maxBodyBytes: number;
  readonly rateLimit: RateLimit | undefined;
  readonly webSocket: boolean;
  /** The prefix as `foldedPath` has it. */
  readonly folded: string;
  /** Prefixes below this one: what is asked for below them is theirs, whichever the method. */
  readonly inner: readonly InnerPrefix[];
}

/** How often each caller may ask. */
export interface RateLimit {
  readonly requests: number;
  readonly perSeconds: number;
}

export interface InnerPrefix {
  readonly prefix: string;
  readonly folded: string;
  readonly methods: readonly Method[];
}

/** A service that routes lead to. */
export interface Destination {
  readonly url: string;
  readonly audience: string;
  /** The most that a token for it may hold. */
  readonly scopes: readonly string[];
  readonly dangerouslyForward: boolean;
}
