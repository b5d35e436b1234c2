import { type Principal } from '../core/principal';
import { type Revocation, type RevocationEntry } from './revocation-entry';

/**
 * The machine's clock, as long as it isn't set ahead: what would be forgotten by a clock that is wrong is missing when
 * that is put right.
 */
function steadyClock(): () => number {
  const [wall, monotonic] = [Date.now(), performance.now()];
  return () => Math.min(Date.now(), wall + performance.now() - monotonic + DRIFT_MS) / 1000;
}

const DRIFT_MS = 60_000;

export interface RevocationListOptions {
  /** Whose tokens it is about: those of every other issuer are none of its business. */
  readonly issuer: string;
  /** The clock: seconds since 1970-01-01T00:00:00Z. Default: the machine's, without its jumps ahead. */
  readonly now?: () => number;
}

/** Entries are looked through for expired ones when there are twice as many as last time, but not below this. */
const LEAST_SWEPT = 1_000;

/**
 * What an issuer has revoked, in memory: asked in constant time, as large as what is unexpired. Nothing that is in it
 * is taken back before it expires.
 *
 * A token's origin is asked for as well: what was exchanged from a revoked token, session or user carries their marks –
 * `sid`, `sub_epoch`, `origin_jti`, `origin_kid`, `origin_iat`, `via_jti` – and is revoked with them.
 */
export class RevocationList {
  readonly #issuer: string;
  readonly #now: () => number;
  readonly #tokens = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  readonly #subjects = new Map<string, { readonly epoch: number; readonly until: number }>();
  readonly #keys = new Set<string>();
  /** Minus infinity: nothing was ever revoked issuer-wide. */
  #notBefore = -Infinity;
  #notBeforeUntil = 0;
  #sweepAt = LEAST_SWEPT;
  #hits = 0;

  constructor({ issuer, now = steadyClock() }: RevocationListOptions) {
    this.#issuer = issuer;
    this.#now = now;
  }

  /**
   * Adds an entry, or what it has beyond one that is there.
   *
   * @returns whether it says anything new
   */
  add(entry: RevocationEntry): boolean {
    const isNew = this.#merge(entry);
    if (isNew && this.#expirable >= this.#sweepAt) this.sweep();
    return isNew;
  }

  isRevoked(principal: Principal): boolean {
    if (!this.#holds(principal)) return false;
    this.#hits++;
    return true;
  }

  /** Whether every token that this issuer has signed with that key is revoked. */
  isKeyRevoked(issuer: string, kid: string): boolean {
    if (this.#keys.size === 0 || issuer !== this.#issuer || !this.#keys.has(kid)) return false;
    this.#hits++;
    return true;
  }

  /** Everything that is unexpired. */
  *entries(): Generator<Revocation> {
    const now = this.#now();
    for (const [value, until] of this.#tokens) if (until > now) yield { kind: 'jti', value, until };
    for (const [value, until] of this.#sessions) if (until > now) yield { kind: 'sid', value, until };
    for (const [value, { epoch, until }] of this.#subjects) {
      if (until > now) yield { kind: 'sub', value, epoch, until };
    }
    if (this.#notBeforeUntil > now) yield { kind: 'all', notBefore: this.#notBefore, until: this.#notBeforeUntil };
    for (const value of this.#keys) yield { kind: 'kid', value };
  }

  /** Forgets what has expired. Happens by itself as the list grows. */
  sweep(): void {
    const now = this.#now();
    for (const [value, until] of this.#tokens) if (until <= now) this.#tokens.delete(value);
    for (const [value, until] of this.#sessions) if (until <= now) this.#sessions.delete(value);
    for (const [value, { until }] of this.#subjects) if (until <= now) this.#subjects.delete(value);
    this.#sweepAt = Math.max(LEAST_SWEPT, 2 * this.#expirable);
  }

  /** Tokens issued then or earlier are revoked, whoever they are for; minus infinity if there are no such. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** The epoch that tokens of this user must have; minus infinity if none of them is revoked. */
  epochOf(subject: string): number {
    return this.#subjects.get(subject)?.epoch ?? -Infinity;
  }

  /** Whether every token of that session is revoked. */
  isSessionRevoked(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  /** How many entries there are, those that have expired and aren't forgotten yet among them. */
  get size(): number {
    return this.#expirable + this.#keys.size + (this.#notBefore === -Infinity ? 0 : 1);
  }

  /** How many times a token, or the key of one, was found in it. */
  get hits(): number {
    return this.#hits;
  }

  get #expirable(): number {
    return this.#tokens.size + this.#sessions.size + this.#subjects.size;
  }

  #merge(entry: RevocationEntry): boolean {
    switch (entry.kind) {
      case 'jti':
        return prolong(this.#tokens, entry.value, entry.until);
      case 'sid':
        return prolong(this.#sessions, entry.value, entry.until);
      case 'sub': {
        const { epoch, until } = this.#subjects.get(entry.value) ?? { epoch: -Infinity, until: 0 };
        if (entry.epoch <= epoch && entry.until <= until) return false;
        this.#subjects.set(entry.value, { epoch: Math.max(epoch, entry.epoch), until: Math.max(until, entry.until) });
        return true;
      }
      case 'all': {
        const isNew = entry.notBefore > this.#notBefore || entry.until > this.#notBeforeUntil;
        this.#notBefore = Math.max(this.#notBefore, entry.notBefore);
        this.#notBeforeUntil = Math.max(this.#notBeforeUntil, entry.until);
        return isNew;
      }
      case 'kid':
        if (this.#keys.has(entry.value)) return false;
        this.#keys.add(entry.value);
        return true;
      case 'keys':
        return false;
    }
  }

  #holds({ issuer, subject, tokenId, sessionId, keyId, claims }: Principal): boolean {
    if (issuer !== this.#issuer) return false;
    if (this.#tokens.size > 0) {
      if (tokenId !== undefined && this.#tokens.has(tokenId)) return true;
      const { origin_jti: origin, via_jti: via } = claims;
      if (origin !== undefined && this.#tokens.has(origin as string)) return true;
      if (Array.isArray(via) && via.some((id) => this.#tokens.has(id as string))) return true;
    }
    if (sessionId !== undefined && this.#sessions.size > 0 && this.#sessions.has(sessionId)) return true;
    if (this.#subjects.size > 0) {
      const revoked = this.#subjects.get(subject);
      if (revoked && epochOf(claims) < revoked.epoch) return true;
    }
    if (this.#notBefore !== -Infinity && !(issuedAt(claims) > this.#notBefore)) return true;
    return this.#keys.size > 0 && (this.#keys.has(keyId) || this.#keys.has(claims.origin_kid as string));
  }
}

function prolong(entries: Map<string, number>, value: string, until: number): boolean {
  const before = entries.get(value);
  if (before !== undefined && before >= until) return false;
  entries.set(value, until);
  return true;
}

function epochOf({ sub_epoch: epoch }: Principal['claims']): number {
  return Number.isFinite(epoch) ? (epoch as number) : 0;
}

/** When the first token of the chain was issued; of one that doesn't say, nobody knows that it was late enough. */
function issuedAt({ iat, origin_iat: origin }: Principal['claims']): number {
  const times = origin === undefined ? [iat] : [iat, origin];
  return times.every((time) => Number.isFinite(time)) ? Math.min(...(times as number[])) : -Infinity;
}
