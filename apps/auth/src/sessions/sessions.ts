import { Inject, Injectable, Logger } from '@nestjs/common';
import { RefreshMetrics } from '@token-relay/service-kit';
import { createHash } from 'node:crypto';
import { GATEWAY } from '../clients/callers';
import { RevocationLog } from '../revocation/revocation-log';
import { Revocations } from '../revocation/revocations';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';
import { type Session, type TokenUse } from '../store/session-store';
import { type IssuedToken, TokenIssuer } from '../tokens/token-issuer';
import { type User, USER_DIRECTORY, type UserDirectory } from '../users/user-directory';
import { firstRefreshToken, parseRefreshToken, type RefreshToken, successorOf, unsealed } from './refresh-token';
import { RefreshTooOften, SessionEnded } from './session-refusals';

/** In so many generations one after the other a token has to come again late before it is told. */
const SUSPICIOUS_ROW = 3;

/** What is known of whoever logs in or refreshes. */
export interface Device {
  readonly userAgent?: string | undefined;
  readonly address?: string | undefined;
}

/** What a session's holder gets: an access token, and the refresh token for the next one. */
export interface SessionTokens {
  readonly accessToken: IssuedToken;
  readonly refreshToken: string;
  /** When the refresh token ends: seconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
}

/** Begins, refreshes and ends sessions. */
@Injectable()
export class Sessions {
  readonly #logger = new Logger(Sessions.name);

  constructor(
    @Inject(AUTH_STORE) private readonly store: AuthStore,
    @Inject(RevocationLog) private readonly log: RevocationLog,
    @Inject(Revocations) private readonly revocations: Revocations,
    @Inject(TokenIssuer) private readonly tokens: TokenIssuer,
    @Inject(USER_DIRECTORY) private readonly users: Pick<UserDirectory, 'find'>,
    @Inject(RefreshMetrics) private readonly metrics: Pick<RefreshMetrics, 'count'>,
  ) {}

  /**
   * A session of a user who has just shown who it is.
   *
   * @param scopes the most that its access tokens may do
   * @throws StoreUnavailable
   */
  async begin(user: User, clientId: string, scopes: readonly string[], device: Device = {}): Promise<SessionTokens> {
    const token = firstRefreshToken(user.sub);
    const authTime = this.log.issuedAt();
    const begun = { id: token.sessionId, subject: user.sub, clientId, scopes, authTime };
    const { epoch, expiresAt, surplus } = await this.store.sessions.create({
      ...begun,
      ...device,
      username: user.username,
      credential: credentialOf(user),
      // A store that has lost the epoch still has what was revoked.
      defaultEpoch: Math.max(this.log.firstEpoch, this.log.epochOf(user.sub)),
      notBefore: this.log.sessionsNotBefore,
      tokenHash: token.hash,
    });
    try {
      for (const id of surplus) await this.revocations.revokeSession(id);
      const accessToken = await this.#issue({ ...begun, epoch, expiresAt });
      return { accessToken, refreshToken: token.text, expiresAt };
    } catch (error) {
      // Nobody will ever know of it.
      await this.store.sessions.end(token.sessionId).catch(() => undefined);
      throw error;
    }
  }

  /**
   * The next access token, and the refresh token that takes the place of this one. Until that was used, and for
   * `GRACE_SECONDS` longer, it is the same one however often this is called. A token that comes back later than that
   * ends the session: two have it.
   *
   * @param scopes the most that the access token may do. Default: what the session may
   * @throws SessionEnded, RefreshTooOften, StoreUnavailable
   */
  async refresh(
    text: string,
    clientId: string,
    device: Device = {},
    scopes?: readonly string[],
  ): Promise<SessionTokens> {
    const token = this.#parse(text);
    const { successor, sealed } = await successorOf(token);
    const use = await this.#use(token, clientId, device, { hash: successor.hash, sealed });
    const next = use.outcome === 'repeated' ? await this.#again(token, use) : successor;
    const { session } = use;
    const user = await this.users.find(session.username);
    if (!user || user.disabled === true || user.sub !== session.subject || credentialOf(user) !== session.credential) {
      await this.#end(session, 'its user was disabled, or has other credentials');
      throw new SessionEnded();
    }
    const allowed = session.scopes.filter((scope) => user.scopes.includes(scope) && (scopes?.includes(scope) ?? true));
    const accessToken = await this.#issue({ ...session, scopes: allowed });
    return { accessToken, refreshToken: next.text, expiresAt: session.expiresAt };
  }

  /**
   * The session of a refresh token, which stays what it is.
   *
   * @throws SessionEnded, StoreUnavailable
   */
  async find(text: string, clientId: string): Promise<Session> {
    return (await this.#use(this.#parse(text), clientId)).session;
  }

  /**
   * Ends the session of a refresh token, if there is one, with everything that was issued in it.
   *
   * @returns whether the token is another client's, which changes nothing
   * @throws StoreUnavailable
   */
  async endBy(text: string, clientId: string): Promise<'ended' | 'other_client'> {
    const token = parseRefreshToken(text);
    if (!token) return 'ended';
    const use = await this.#judge(token, clientId);
    if (use.outcome === 'other_client') return 'other_client';
    if (use.outcome !== 'unknown') await this.#end(use.session, 'logged out');
    return 'ended';
  }

  /** @throws StoreUnavailable */
  list(subject: string): Promise<readonly Session[]> {
    return this.store.sessions.list(subject, this.log.sessionsNotBefore);
  }

  /**
   * Ends one of a user's sessions.
   *
   * @returns whether there was one
   * @throws StoreUnavailable
   */
  async end(subject: string, id: string): Promise<boolean> {
    const session = (await this.list(subject)).find((one) => one.id === id);
    if (session) await this.#end(session, 'logged out');
    return session !== undefined;
  }

  /**
   * Ends all of a user's sessions, those that are about to begin or to be refreshed too.
   *
   * @throws StoreUnavailable
   */
  async endAll(subject: string): Promise<void> {
    await this.revocations.revokeSubject(subject);
    this.#logger.log(`sessions ended ${JSON.stringify({ sub: subject, why: 'logged out everywhere' })}`);
  }

  /**
   * Ends all of a user's sessions but this one. Its access tokens are refused too, until it is refreshed.
   *
   * @throws SessionEnded when it has ended itself; StoreUnavailable
   */
  async endOthers({ id, subject }: Session): Promise<void> {
    if (!(await this.revocations.revokeSubjectBut(id, subject))) throw new SessionEnded();
    this.#logger.log(`sessions ended ${JSON.stringify({ sub: subject, why: 'logged out elsewhere', but: id })}`);
  }

  /** The successor that the token has got before. */
  #again(token: RefreshToken, { session, sealed, lateInARow }: Extract<TokenUse, { outcome: 'repeated' }>) {
    if (lateInARow >= SUSPICIOUS_ROW) {
      // Not a proof: whose answers get lost every time looks the same.
      this.#logger.warn(`refresh_repeated_late ${this.#told(session, { inARow: lateInARow })}`);
    }
    return unsealed(token, sealed);
  }

  #parse(text: string): RefreshToken {
    const token = parseRefreshToken(text);
    if (token) return token;
    this.metrics.count('malformed');
    throw new SessionEnded();
  }

  /** @throws SessionEnded, RefreshTooOften, StoreUnavailable */
  async #use(token: RefreshToken, clientId: string, device?: Device, successor?: { hash: string; sealed: string }) {
    const use = await this.#judge(token, clientId, device, successor);
    this.metrics.count(use.outcome === 'repeated' && use.lateInARow > 0 ? 'repeated_late' : use.outcome);
    switch (use.outcome) {
      case 'valid':
      case 'rotated':
      case 'repeated':
        return { ...use, session: await this.#unrevoked(use.session, token) };
      case 'too_often':
        this.#logger.warn(`refresh_too_often ${this.#told(use.session)}`);
        throw new RefreshTooOften(use.retryAfterSeconds);
      case 'unknown':
        this.#logger.log(`refresh_refused ${JSON.stringify({ sid: token.sessionId, token: 'unknown' })}`);
        throw new SessionEnded();
      case 'other_client':
        this.#logger.warn(`refresh_refused ${this.#told(use.session, { token: 'of another client', by: clientId })}`);
        throw new SessionEnded();
      case 'replayed':
        this.#logger.warn(`refresh_replayed ${this.#told(use.session, { token: use.ancestor })}`);
        await this.#end(use.session, 'a refresh token was replayed');
        throw new SessionEnded();
      case 'ended':
      case 'revoked':
        // Whoever was to end it may have failed.
        await this.#end(use.session, 'ended before');
        throw new SessionEnded();
    }
  }

  /**
   * The session, unless it is known here to have ended, and the store has lost that or is about to get it. The epoch may have
   * been raised while the store's answer was on its way, and this session spared: the store is asked once more.
   */
  async #unrevoked(session: Session, token: RefreshToken): Promise<Session> {
    if (!this.log.isSessionRevoked(session.id)) {
      const epoch = this.log.epochOf(session.subject);
      if (session.epoch >= epoch) return session;
      const again = await this.#judge(token, session.clientId);
      if (again.outcome === 'valid' && again.session.epoch >= epoch) return again.session;
    }
    await this.#end(session, 'ended before');
    throw new SessionEnded();
  }

  #judge(
    { sessionId, hash }: RefreshToken,
    clientId: string,
    { address }: Device = {},
    successor?: { hash: string; sealed: string },
  ): Promise<TokenUse> {
    const notBefore = this.log.sessionsNotBefore;
    return this.store.sessions.use({ sessionId, hash, clientId, notBefore, address }, successor);
  }

  /** Revokes first: what was issued in it is refused before anybody is told. */
  async #end(session: Session, why: string): Promise<void> {
    await this.revocations.revokeSession(session.id);
    this.#logger.log(`session ended ${this.#told(session, { why })}`);
  }

  #told({ id, subject, clientId, generation }: Session, more: object = {}): string {
    return JSON.stringify({ sid: id, sub: subject, clientId, generation, ...more });
  }

  /** None outlives the session. */
  async #issue(
    session: Pick<Session, 'id' | 'subject' | 'clientId' | 'scopes' | 'epoch' | 'authTime' | 'expiresAt'>,
  ): Promise<IssuedToken> {
    const { subject, clientId, scopes, expiresAt: notAfter } = session;
    return (await this.tokens.issue({ subject, audience: GATEWAY, clientId, scopes, session, notAfter })).token;
  }
}

/** Changes with the password, and whenever what the user was given is revoked. Tells nothing of either. */
function credentialOf({ passwordHash, revokedAt = 0 }: User): string {
  return createHash('sha256').update(`${revokedAt} ${passwordHash}`).digest('base64url').slice(0, 22);
}
