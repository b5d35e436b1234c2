import { type EmbeddedEpochs } from './embedded-epochs';
import {
  GRACE_SECONDS,
  MAX_REPEATS,
  MAX_ROTATIONS,
  MAX_SESSIONS,
  type NewSession,
  type PresentedToken,
  REPEATS_WINDOW_SECONDS,
  type Session,
  type SessionCreated,
  SESSION_TIMES,
  type SessionStore,
  type SessionTimes,
  type Successor,
  type TokenUse,
} from './session-store';

/** A token that still gets its successor. */
interface Ancestor {
  /** Until when; for as long as it takes where the successor wasn't shown. */
  till: number | undefined;
  repeats: number;
  since: number;
  readonly sealed: string;
}

type Writable<Type> = { -readonly [Member in keyof Type]: Type[Member] };

interface Stored extends Writable<Session> {
  readonly absolute: number;
  /** The hashes of the newest token and of the two that came before it. */
  current: string;
  parent: string | undefined;
  before: string | undefined;
  /** By their hashes. Made when the first token is replaced. */
  ancestors: Map<string, Ancestor> | undefined;
  /** When the newest token took its place. */
  rotatedAt: number;
  /** The last generation in which the token before came again later than the grace, and of how many in a row that is true. */
  late: { readonly generation: number; readonly row: number } | undefined;
  /** A token of it was replayed. */
  ended: boolean;
}

const SWEPT_AT_LEAST = 1_000;

/** Sessions in the memory of a single auth. No method waits for anything: nothing comes between its steps. */
export class EmbeddedSessionStore implements SessionStore {
  readonly #sessions = new Map<string, Stored>();
  readonly #bySubject = new Map<string, Set<Stored>>();
  #sweepAt = SWEPT_AT_LEAST;

  constructor(
    private readonly epochs: EmbeddedEpochs,
    /** Seconds since 1970-01-01T00:00:00Z. */
    private readonly now: () => number,
    private readonly times: SessionTimes = SESSION_TIMES,
  ) {}

  create({ defaultEpoch, tokenHash, ...begun }: NewSession): Promise<SessionCreated> {
    let stored = this.#sessions.get(begun.id);
    if (!stored) {
      if (this.#sessions.size >= this.#sweepAt) this.#sweep();
      const now = this.now();
      const absolute = now + this.times.absoluteSeconds;
      stored = {
        ...begun,
        epoch: Math.max(this.epochs.of(begun.subject) ?? 0, defaultEpoch),
        generation: 0,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: Math.min(now + this.times.idleSeconds, absolute),
        absolute,
        current: tokenHash,
        parent: undefined,
        before: undefined,
        ancestors: undefined,
        rotatedAt: now,
        late: undefined,
        ended: false,
      };
      this.#sessions.set(begun.id, stored);
      this.#of(begun.subject).add(stored);
    }
    const { epoch, expiresAt } = stored;
    return Promise.resolve({ epoch, expiresAt, surplus: this.#surplus(begun.subject) });
  }

  use(token: PresentedToken, successor?: Successor): Promise<TokenUse> {
    return Promise.resolve(this.#use(token, successor));
  }

  end(sessionId: string): Promise<void> {
    const stored = this.#sessions.get(sessionId);
    if (stored) this.#forget(stored);
    return Promise.resolve();
  }

  endBefore(subject: string, epoch: number): Promise<void> {
    for (const stored of [...(this.#bySubject.get(subject) ?? [])]) if (stored.epoch < epoch) this.#forget(stored);
    return Promise.resolve();
  }

  list(subject: string, notBefore: number): Promise<readonly Session[]> {
    const now = this.now();
    const live = [...(this.#bySubject.get(subject) ?? [])].filter(
      (stored) => !stored.ended && stored.expiresAt > now && !this.#isRevoked(stored, notBefore),
    );
    return Promise.resolve(live.sort((a, b) => b.lastUsedAt - a.lastUsedAt).map(sessionOf));
  }

  raiseEpochBut(sessionId: string, epoch: number): Promise<number | undefined> {
    const stored = this.#sessions.get(sessionId);
    if (!stored || stored.ended || (this.epochs.of(stored.subject) ?? 0) > stored.epoch)
      return Promise.resolve(undefined);
    const atLeast = Math.max(stored.epoch + 1, epoch);
    stored.epoch = atLeast % 2 === 0 ? atLeast + 1 : atLeast;
    this.epochs.raise(stored.subject, stored.epoch);
    return Promise.resolve(stored.epoch);
  }

  /** How many sessions there are, those that have expired since the last sweep among them. */
  get size(): number {
    return this.#sessions.size;
  }

  #use({ sessionId, hash, clientId, notBefore, address }: PresentedToken, successor: Successor | undefined): TokenUse {
    const stored = this.#sessions.get(sessionId);
    if (!stored || this.now() >= stored.expiresAt) return { outcome: 'unknown' };
    const session = sessionOf(stored);
    if (stored.clientId !== clientId) return { outcome: 'other_client', session };
    if (stored.ended) return { outcome: 'ended', session };
    if (this.#isRevoked(stored, notBefore)) return { outcome: 'revoked', session };
    const now = Math.max(this.now(), stored.lastUsedAt);
    if (hash === stored.current) {
      if (!successor) return { outcome: 'valid', session };
      return this.#rotate(stored, now, successor, address);
    }
    const ancestor = stored.ancestors?.get(hash);
    if (ancestor && (ancestor.till === undefined || now <= ancestor.till)) {
      if (!successor) return { outcome: 'valid', session };
      return this.#repeat(stored, ancestor, now, address);
    }
    stored.ended = true;
    return { outcome: 'replayed', session, ancestor: hash === stored.before ? 'recent_parent' : 'older_ancestor' };
  }

  #rotate(stored: Stored, now: number, { hash, sealed }: Successor, address: string | undefined): TokenUse {
    const ancestors = (stored.ancestors ??= new Map<string, Ancestor>());
    for (const [name, { till }] of ancestors) if (till !== undefined && till < now) ancestors.delete(name);
    if (ancestors.size >= MAX_ROTATIONS) {
      const soonest = Math.min(...[...ancestors.values()].map(({ till = Infinity }) => till));
      return tooOften(stored, soonest - now);
    }
    const used = stored.parent === undefined ? undefined : ancestors.get(stored.parent);
    if (used) used.till = now + GRACE_SECONDS;
    ancestors.set(stored.current, { till: undefined, repeats: 0, since: 0, sealed });
    stored.before = stored.parent;
    stored.parent = stored.current;
    stored.current = hash;
    stored.generation++;
    stored.rotatedAt = now;
    this.#touch(stored, now, address);
    return { outcome: 'rotated', session: sessionOf(stored) };
  }

  #repeat(stored: Stored, ancestor: Ancestor, now: number, address: string | undefined): TokenUse {
    if (now >= ancestor.since + REPEATS_WINDOW_SECONDS) Object.assign(ancestor, { repeats: 0, since: now });
    if (ancestor.repeats >= MAX_REPEATS) return tooOften(stored, ancestor.since + REPEATS_WINDOW_SECONDS - now);
    ancestor.repeats++;
    const isLate = ancestor.till === undefined && now > stored.rotatedAt + GRACE_SECONDS;
    const lateInARow = isLate ? noteLate(stored) : 0;
    this.#touch(stored, now, address);
    return { outcome: 'repeated', session: sessionOf(stored), sealed: ancestor.sealed, lateInARow };
  }

  #touch(stored: Stored, now: number, address: string | undefined): void {
    stored.lastUsedAt = now;
    stored.expiresAt = Math.min(now + this.times.idleSeconds, stored.absolute);
    if (address !== undefined) stored.address = address;
  }

  #isRevoked(stored: Stored, notBefore: number): boolean {
    return stored.epoch < (this.epochs.of(stored.subject) ?? 0) || stored.notBefore < notBefore;
  }

  /** Those that expire first, beyond what a user may have. */
  #surplus(subject: string): string[] {
    const all = this.#of(subject);
    const now = this.now();
    if (all.size > MAX_SESSIONS) for (const stored of [...all]) if (stored.expiresAt <= now) this.#forget(stored);
    if (all.size <= MAX_SESSIONS) return [];
    const oldestFirst = [...all].sort((a, b) => a.expiresAt - b.expiresAt);
    return oldestFirst.slice(0, all.size - MAX_SESSIONS).map(({ id }) => id);
  }

  #of(subject: string): Set<Stored> {
    let found = this.#bySubject.get(subject);
    if (!found) this.#bySubject.set(subject, (found = new Set()));
    return found;
  }

  #forget(stored: Stored): void {
    this.#sessions.delete(stored.id);
    const others = this.#bySubject.get(stored.subject);
    others?.delete(stored);
    if (others?.size === 0) this.#bySubject.delete(stored.subject);
  }

  #sweep(): void {
    const now = this.now();
    for (const stored of this.#sessions.values()) if (stored.expiresAt <= now) this.#forget(stored);
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#sessions.size);
  }
}

/** @returns how many generations in a row it is true of, once for each */
function noteLate(stored: Stored): number {
  const { generation, late } = stored;
  if (late?.generation === generation) return 0;
  stored.late = { generation, row: late?.generation === generation - 1 ? late.row + 1 : 1 };
  return stored.late.row;
}

function tooOften(stored: Stored, seconds: number): TokenUse {
  return { outcome: 'too_often', session: sessionOf(stored), retryAfterSeconds: Math.max(1, Math.ceil(seconds)) };
}

function sessionOf(stored: Stored): Session {
  const { id, subject, username, credential, clientId, scopes, authTime, notBefore, userAgent, address } = stored;
  const { epoch, generation, createdAt, lastUsedAt, expiresAt } = stored;
  const begun = { id, subject, username, credential, clientId, scopes, authTime, notBefore, userAgent, address };
  return { ...begun, epoch, generation, createdAt, lastUsedAt, expiresAt };
}
