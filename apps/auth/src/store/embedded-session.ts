import { flat } from './embedded-strings';
import { type NewSession, REPEATS_WINDOW_SECONDS, type Session } from './session-store';

export const REPEATS_WINDOW_MS = REPEATS_WINDOW_SECONDS * 1_000;

/** What many sessions have in common, and is kept once for all of them. */
export type Terms = Readonly<Pick<Session, 'clientId' | 'scopes' | 'notBefore' | 'epoch'>>;

/** A token that still gets its successor. */
export class Ancestor {
  /** Until when, in milliseconds since its session began; for as long as it takes where the successor wasn't shown yet. */
  tillMs: number | undefined = undefined;
  /** How often it came again in the window that began at `windowMs`, in milliseconds since its session began. */
  repeats = 0;
  windowMs = -REPEATS_WINDOW_MS;

  constructor(
    readonly hash: string,
    readonly sealed: string,
    /** The one that was replaced before it, if that still gets its successor too. */
    public older: Ancestor | undefined,
  ) {}
}

/**
 * A session in memory, where there may be a million: objects of one shape, without what follows from something else. Times are
 * whole milliseconds since it began, as numbers of 31 bits take no memory but their place.
 */
export class EmbeddedSession {
  readonly id: string;
  readonly subject: string;
  readonly username: string;
  readonly credential: string;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly authTime: number;
  address: string | undefined;
  generation = 0;
  usedMs = 0;
  /** When the newest token took its place. */
  rotatedMs = 0;
  /** The hash of the newest token. */
  current: string;
  /** The token that the newest one has replaced. */
  parent: Ancestor | undefined = undefined;
  /** The hash of the one before that. */
  before: string | undefined = undefined;
  /** The last generation in which the parent came again later than the grace, and of how many in a row that is true. */
  late: { readonly generation: number; readonly row: number } | undefined = undefined;
  /** A token of it was replayed. */
  ended = false;

  constructor(
    { id, subject, username, credential, authTime, address, tokenHash }: NewSession,
    public terms: Terms,
    readonly userAgent: string | undefined,
    /** Since 1970-01-01T00:00:00Z. */
    readonly createdMs: number,
  ) {
    this.id = id;
    this.subject = subject;
    this.username = username;
    // Cut out of a digest.
    this.credential = flat(credential);
    this.authTime = authTime;
    this.address = address;
    this.current = tokenHash;
  }

  /** The token with this hash, if it still gets its successor. */
  ancestor(hash: string, nowMs: number): Ancestor | undefined {
    let one = this.parent;
    while (one && one.hash !== hash) one = one.older;
    return one && (one.tillMs ?? nowMs) >= nowMs ? one : undefined;
  }

  /** How many tokens still get their successors, and until when the oldest of them does. */
  ancestors(): { readonly count: number; readonly firstTillMs: number | undefined } {
    let count = 0;
    let firstTillMs: number | undefined;
    for (let one = this.parent; one; one = one.older) {
      count++;
      firstTillMs = one.tillMs;
    }
    return { count, firstTillMs };
  }

  /** Forgets tokens that don't get their successors any more. The older one is, the sooner that comes. */
  forgetAncestors(nowMs: number): void {
    let last = this.parent;
    while (last?.older && (last.older.tillMs ?? nowMs) >= nowMs) last = last.older;
    if (last) last.older = undefined;
  }
}
