import { type EmbeddedEpochs } from './embedded-epochs';
import { Ancestor, EmbeddedSession, REPEATS_WINDOW_MS, type Terms } from './embedded-session';
import { SessionsBySubject } from './embedded-sessions-by-subject';
import { flat, SharedValues } from './embedded-strings';
import {
  GRACE_SECONDS,
  MAX_REPEATS,
  MAX_ROTATIONS,
  MAX_SESSIONS,
  type NewSession,
  type PresentedToken,
  type Session,
  type SessionCreated,
  SESSION_TIMES,
  type SessionStore,
  type SessionTimes,
  type Successor,
  type TokenUse,
} from './session-store';

const SWEPT_AT_LEAST = 1_000;
const GRACE_MS = GRACE_SECONDS * 1_000;

/** Sessions in the memory of a single auth. No method waits for anything: nothing comes between its steps. */
export class EmbeddedSessionStore implements SessionStore {
  readonly #sessions = new Map<string, EmbeddedSession>();
  readonly #bySubject = new SessionsBySubject();
  readonly #terms = new SharedValues<Terms>();
  readonly #userAgents = new SharedValues<string>();
  /** Those whose parent's grace has begun since `#turnedMs`, and those where it had before that. */
  #inGrace: EmbeddedSession[] = [];
  #pastGrace: EmbeddedSession[] = [];
  #turnedMs = 0;
  #sweepAt = SWEPT_AT_LEAST;

  constructor(
    private readonly epochs: EmbeddedEpochs,
    /** Seconds since 1970-01-01T00:00:00Z. */
    private readonly now: () => number,
    private readonly times: SessionTimes = SESSION_TIMES,
  ) {}

  create(begun: NewSession): Promise<SessionCreated> {
    const session = this.#sessions.get(begun.id) ?? this.#begin(begun);
    const { epoch } = session.terms;
    const surplus = this.#bySubject.add(session) > MAX_SESSIONS ? this.#surplus(session.subject) : [];
    return Promise.resolve({ epoch, expiresAt: this.#expiresAt(session), surplus });
  }

  use(token: PresentedToken, successor?: Successor): Promise<TokenUse> {
    return Promise.resolve(this.#use(token, successor));
  }

  end(sessionId: string): Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (session) this.#forget(session);
    return Promise.resolve();
  }

  endBefore(subject: string, epoch: number): Promise<void> {
    for (const session of this.#bySubject.of(subject)) if (session.terms.epoch < epoch) this.#forget(session);
    return Promise.resolve();
  }

  list(subject: string, notBefore: number): Promise<readonly Session[]> {
    const isLive = (session: EmbeddedSession): boolean =>
      !session.ended && !this.#hasExpired(session) && !this.#isRevoked(session, notBefore);
    const live = this.#bySubject.of(subject).filter(isLive);
    return Promise.resolve(live.map((session) => this.#told(session)).sort((a, b) => b.lastUsedAt - a.lastUsedAt));
  }

  raiseEpochBut(sessionId: string, epoch: number): Promise<number | undefined> {
    const session = this.#sessions.get(sessionId);
    if (!session || session.ended || (this.epochs.of(session.subject) ?? 0) > session.terms.epoch)
      return Promise.resolve(undefined);
    const atLeast = Math.max(session.terms.epoch + 1, epoch);
    const raised = atLeast % 2 === 0 ? atLeast + 1 : atLeast;
    session.terms = this.#shared({ ...session.terms, epoch: raised });
    this.epochs.raise(session.subject, raised);
    return Promise.resolve(raised);
  }

  /** How many sessions there are, those that have expired since the last sweep among them. */
  get size(): number {
    return this.#sessions.size;
  }

  #begin(begun: NewSession): EmbeddedSession {
    if (this.#sessions.size >= this.#sweepAt) this.#sweep();
    const { clientId, scopes, notBefore, userAgent } = begun;
    const epoch = Math.max(this.epochs.of(begun.subject) ?? 0, begun.defaultEpoch);
    const terms = this.#shared({ clientId, scopes, notBefore, epoch });
    const agent = userAgent === undefined ? undefined : this.#userAgents.of(userAgent, () => flat(userAgent));
    const session = new EmbeddedSession(begun, terms, agent, this.#nowMs());
    this.#sessions.set(session.id, session);
    return session;
  }

  #use({ sessionId, hash, clientId, notBefore, address }: PresentedToken, successor: Successor | undefined): TokenUse {
    const session = this.#sessions.get(sessionId);
    if (!session || this.#hasExpired(session)) return { outcome: 'unknown' };
    if (session.terms.clientId !== clientId) return { outcome: 'other_client', session: this.#told(session) };
    if (session.ended) return { outcome: 'ended', session: this.#told(session) };
    if (this.#isRevoked(session, notBefore)) return { outcome: 'revoked', session: this.#told(session) };
    const nowMs = Math.max(this.#nowMs() - session.createdMs, session.usedMs);
    if (hash === session.current) {
      if (!successor) return { outcome: 'valid', session: this.#told(session) };
      return this.#rotate(session, nowMs, successor, address);
    }
    const ancestor = session.ancestor(hash, nowMs);
    if (ancestor) {
      if (!successor) return { outcome: 'valid', session: this.#told(session) };
      return this.#repeat(session, ancestor, nowMs, address);
    }
    session.ended = true;
    const kind = hash === session.before ? 'recent_parent' : 'older_ancestor';
    return { outcome: 'replayed', session: this.#told(session), ancestor: kind };
  }

  #rotate(session: EmbeddedSession, nowMs: number, { hash, sealed }: Successor, address: string | undefined): TokenUse {
    session.forgetAncestors(nowMs);
    const { count, firstTillMs = Infinity } = session.ancestors();
    if (count >= MAX_ROTATIONS) return this.#tooOften(session, firstTillMs - nowMs);
    const { parent } = session;
    if (parent) {
      parent.tillMs = nowMs + GRACE_MS;
      this.#forgetLater(session);
    }
    session.before = parent?.hash;
    session.parent = new Ancestor(session.current, sealed, parent);
    session.current = hash;
    session.generation++;
    session.rotatedMs = nowMs;
    this.#touch(session, nowMs, address);
    return { outcome: 'rotated', session: this.#told(session) };
  }

  #repeat(session: EmbeddedSession, ancestor: Ancestor, nowMs: number, address: string | undefined): TokenUse {
    if (nowMs >= ancestor.windowMs + REPEATS_WINDOW_MS) {
      ancestor.repeats = 0;
      ancestor.windowMs = nowMs;
    }
    if (ancestor.repeats >= MAX_REPEATS) {
      return this.#tooOften(session, ancestor.windowMs + REPEATS_WINDOW_MS - nowMs);
    }
    ancestor.repeats++;
    const isLate = ancestor.tillMs === undefined && nowMs > session.rotatedMs + GRACE_MS;
    const lateInARow = isLate ? noteLate(session) : 0;
    this.#touch(session, nowMs, address);
    return { outcome: 'repeated', session: this.#told(session), sealed: ancestor.sealed, lateInARow };
  }

  #tooOften(session: EmbeddedSession, ms: number): TokenUse {
    const retryAfterSeconds = Math.max(1, Math.ceil(ms / 1_000));
    return { outcome: 'too_often', session: this.#told(session), retryAfterSeconds };
  }

  #touch(session: EmbeddedSession, nowMs: number, address: string | undefined): void {
    session.usedMs = nowMs;
    if (address !== undefined) session.address = address;
  }

  /** Forgets what a session's grace leaves, once it has passed: a session may not be refreshed again for hours. */
  #forgetLater(session: EmbeddedSession): void {
    const nowMs = this.#nowMs();
    // A clock may have gone back.
    if (Math.abs(nowMs - this.#turnedMs) > GRACE_MS) {
      for (const one of this.#pastGrace) one.forgetAncestors(nowMs - one.createdMs);
      this.#pastGrace = this.#inGrace;
      this.#inGrace = [];
      this.#turnedMs = nowMs;
    }
    this.#inGrace.push(session);
  }

  #nowMs(): number {
    return Math.round(this.now() * 1_000);
  }

  /** When it ends if nobody refreshes it, in milliseconds since it began. */
  #endMs({ usedMs }: EmbeddedSession): number {
    return Math.min(usedMs + this.times.idleSeconds * 1_000, this.times.absoluteSeconds * 1_000);
  }

  #hasExpired(session: EmbeddedSession): boolean {
    return this.#nowMs() - session.createdMs >= this.#endMs(session);
  }

  #isRevoked({ subject, terms }: EmbeddedSession, notBefore: number): boolean {
    return terms.epoch < (this.epochs.of(subject) ?? 0) || terms.notBefore < notBefore;
  }

  /** Those that expire first, beyond what a user may have. */
  #surplus(subject: string): string[] {
    for (const session of this.#bySubject.of(subject)) if (this.#hasExpired(session)) this.#forget(session);
    const oldestFirst = this.#bySubject.of(subject).sort((a, b) => this.#expiresAt(a) - this.#expiresAt(b));
    return oldestFirst.slice(0, Math.max(0, oldestFirst.length - MAX_SESSIONS)).map(({ id }) => id);
  }

  #forget(session: EmbeddedSession): void {
    this.#sessions.delete(session.id);
    this.#bySubject.delete(session);
  }

  #sweep(): void {
    for (const session of this.#sessions.values()) if (this.#hasExpired(session)) this.#forget(session);
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#sessions.size);
  }

  #shared({ clientId, scopes, notBefore, epoch }: Terms): Terms {
    // No scope has a space or a line feed (RFC 6749, section 3.3).
    const key = `${notBefore} ${epoch} ${scopes.join(' ')}\n${clientId}`;
    return this.#terms.of(key, () => ({ clientId, scopes: Object.freeze([...scopes]), notBefore, epoch }));
  }

  #expiresAt(session: EmbeddedSession): number {
    return (session.createdMs + this.#endMs(session)) / 1_000;
  }

  /** The session, as others know it. */
  #told(session: EmbeddedSession): Session {
    const { id, subject, username, credential, authTime, userAgent, address, generation, createdMs, usedMs } = session;
    const { clientId, scopes, notBefore, epoch } = session.terms;
    return {
      id,
      subject,
      username,
      credential,
      clientId,
      scopes,
      authTime,
      notBefore,
      userAgent,
      address,
      epoch,
      generation,
      createdAt: createdMs / 1_000,
      lastUsedAt: (createdMs + usedMs) / 1_000,
      expiresAt: this.#expiresAt(session),
    };
  }
}

/** @returns how many generations in a row it is true of, once for each */
function noteLate(session: EmbeddedSession): number {
  const { generation, late } = session;
  if (late?.generation === generation) return 0;
  session.late = { generation, row: late?.generation === generation - 1 ? late.row + 1 : 1 };
  return session.late.row;
}
