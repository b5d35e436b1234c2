import { type CopiedRevocations, type Revocation } from '@token-relay/jwt-guard';
import { createHash } from 'node:crypto';

/** How many of the latest are kept. */
const KEPT = 32;
/** At most; of a short one half. */
const SHOWN_CHARACTERS = 8;

/** What was revoked, as far as it may be shown: not enough of its name to revoke or to use anything by. */
export interface HeardRevocation {
  readonly kind: Revocation['kind'];
  /** The first characters of what was revoked; of everything, up to when. */
  readonly id: string;
  /** The same for the same revocation on every service. */
  readonly mark: string;
  /** How long ago this service has heard of it, in milliseconds: a span and not a time, for clocks are apart. */
  readonly agoMs: number;
}

/** The same with the time by this process's own clock. */
export type WatchedRevocation = Omit<HeardRevocation, 'agoMs'> & {
  /** By `performance.now()`, in milliseconds. */
  readonly at: number;
};

/**
 * What a service has heard of revocations of late, and when. What was there before it could tell for the first time is no
 * news, and isn't in it.
 */
export class RevocationWatch {
  readonly #latest: WatchedRevocation[] = [];
  readonly #listeners = new Set<(heard: readonly WatchedRevocation[]) => void>();

  constructor(
    source: Pick<CopiedRevocations, 'onRevoked'>,
    private readonly now: () => number = () => performance.now(),
  ) {
    source.onRevoked((entries) => this.#hear(entries));
  }

  /** Newest first. */
  get heard(): readonly HeardRevocation[] {
    const now = this.now();
    return this.#latest.map(({ at, ...heard }) => ({ ...heard, agoMs: Math.round((now - at) * 100) / 100 })).reverse();
  }

  /**
   * Calls back with what is new, and when it was heard: 32 at most of those that come together.
   *
   * @returns what ends it
   */
  subscribe(told: (heard: readonly WatchedRevocation[]) => void): () => void {
    this.#listeners.add(told);
    return () => void this.#listeners.delete(told);
  }

  #hear(entries: readonly Revocation[]): void {
    const at = this.now();
    const heard = entries.slice(-KEPT).map((entry) => ({ ...shown(entry), at }));
    this.#latest.push(...heard);
    this.#latest.splice(0, Math.max(0, this.#latest.length - KEPT));
    for (const told of this.#listeners) told(heard);
  }
}

function shown(entry: Revocation): Omit<WatchedRevocation, 'at'> {
  const what = entry.kind === 'all' ? new Date(entry.notBefore * 1000).toISOString() : entry.value;
  const id = entry.kind === 'all' ? what : what.slice(0, Math.min(SHOWN_CHARACTERS, what.length / 2));
  const rest = [entry.kind === 'sub' && entry.epoch, entry.kind !== 'kid' && entry.until];
  const mark = createHash('sha256').update(JSON.stringify([entry.kind, what, ...rest]));
  return { kind: entry.kind, id, mark: mark.digest('base64url').slice(0, 16) };
}
