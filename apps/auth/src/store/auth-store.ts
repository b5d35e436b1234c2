import { type RevocationEntry, type RevocationStream, type StreamHead } from '@token-relay/jwt-guard';
import { type SessionStore } from './session-store';

export const AUTH_STORE = Symbol('auth-store');

/** A token that is about to be issued. */
export interface Minting {
  readonly subject: string;
  readonly jti: string;
  /** Until when it is remembered that the token was issued. */
  readonly expiresAt: number;
  /** The subject's epoch if none was ever recorded for it. */
  readonly defaultEpoch: number;
  /** Now, in seconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
}

/** Everything issued at `notBefore` or earlier, in seconds since 1970-01-01T00:00:00Z; kept for `keptSeconds`. */
export interface RevokedUntilNow {
  readonly notBefore: number;
  readonly keptSeconds: number;
}

/**
 * What auth keeps: the stream of revocations, each subject's epoch, the sessions, which tokens were issued, and which
 * names were used. Every write can be repeated: one that timed out may have been applied all the same.
 *
 * All of its methods throw `StoreUnavailable` when the store doesn't answer.
 */
export interface AuthStore extends RevocationStream {
  readonly sessions: SessionStore;
  /**
   * Begins a stream where there is none, and with it revokes everything that was issued until now: what was revoked
   * before is forgotten. If one has been begun in the meantime that one goes on.
   *
   * @returns the stream that is there now
   */
  begin(all: RevokedUntilNow): Promise<StreamHead>;
  /**
   * Begins a stream in the place of one whose readers may have missed something: they read everything again. What is
   * revoked stays.
   *
   * @returns the stream that is there now: another one if that has been replaced in the meantime, or is gone
   */
  renew(streamId: string): Promise<StreamHead | undefined>;
  /**
   * Revokes: adds to the stream, and to what is unexpired.
   *
   * @returns the number of the event; `undefined`, and nothing is added, where the stream is another one
   */
  append(streamId: string, entry: RevocationEntry): Promise<number | undefined>;
  /**
   * The latest time that everything issued until then was revoked: seconds since 1970-01-01T00:00:00Z, 0 where nothing
   * was. Not forgotten when the entry is, as sessions live longer than tokens.
   */
  notBefore(): Promise<number>;
  /**
   * Remembers that a token is issued.
   *
   * @returns the epoch of its subject, which the token has to carry; read in the same step
   */
  mint(minting: Minting): Promise<number>;
  /**
   * Whether this token was issued, and hasn't expired; `undefined` where the store can't tell, as it has lost its memory
   * since `issuedAt`.
   */
  wasMinted(subject: string, jti: string, issuedAt: number): Promise<boolean | undefined>;
  /**
   * Remembers until then that a client has used this name, whichever auth it came to.
   *
   * @returns whether it hadn't before: of two at once one gets true
   */
  useOnce(clientId: string, name: string, until: number): Promise<boolean>;
  /** The subject's epoch; `undefined` if none was recorded, or only long ago. */
  epoch(subject: string): Promise<number | undefined>;
  /** Records an epoch for the subject, unless a higher one is there. */
  raiseEpoch(subject: string, epoch: number): Promise<void>;
  /**
   * Records an epoch for the subject that ends all of its sessions: this one, or a higher one where a session was spared
   * meanwhile. Such an epoch is even.
   *
   * @returns the epoch that is there now
   */
  passEpoch(subject: string, epoch: number): Promise<number>;
  /** Whether what it was told outlives its server: it writes everything to disk as it comes. */
  isDurable(): Promise<boolean>;
  /** Ends its connections. */
  close(): void;
}

/** How long a subject's epoch is remembered: longer than a session can live. */
export const EPOCH_SECONDS = 8 * 86_400;

/** How many events the stream keeps at least; whoever is further behind takes a snapshot. */
export const STREAM_EVENTS = 10_000;
