import { type RevocationEntry } from '@token-relay/jwt-guard';
import { type AuthStore } from '../store/auth-store';
import { StoreUnavailable } from '../store/store-unavailable';
import { KEPT_SECONDS, MARGIN_SECONDS, type RevocationLog } from './revocation-log';

const ATTEMPTS = 3;

/**
 * Revokes. Each of these resolves once what is revoked is in the store and refused here; a second call is harmless.
 *
 * All of them throw `StoreUnavailable` when the store doesn't answer: it may be revoked nonetheless.
 */
export class Revocations {
  constructor(
    private readonly log: RevocationLog,
    private readonly store: AuthStore,
    /** Seconds since 1970-01-01T00:00:00Z. */
    private readonly now: () => number = () => Date.now() / 1000,
  ) {}

  /**
   * A token, and whatever was exchanged from it.
   *
   * @param expiresAt its `exp`. Default: the latest that it can be
   */
  revokeToken(jti: string, expiresAt?: number): Promise<RevocationEntry> {
    const until = expiresAt === undefined ? this.forNow() : Math.ceil(expiresAt) + MARGIN_SECONDS;
    return this.revoke({ kind: 'jti', value: jti, until });
  }

  /** A session, with everything that was issued in it. */
  async revokeSession(sid: string): Promise<RevocationEntry> {
    const entry = await this.revoke({ kind: 'sid', value: sid, until: this.forNow() });
    await this.store.sessions.end(sid);
    return entry;
  }

  /** Whatever a user holds now, sessions too. */
  async revokeSubject(subject: string): Promise<RevocationEntry> {
    const epoch = await this.nextEpoch(subject);
    const entry = await this.revoke({ kind: 'sub', value: subject, epoch, until: this.forNow() });
    // Behind it: a token that is issued in between has the old epoch, and is revoked.
    await this.store.raiseEpoch(subject, epoch);
    await this.store.sessions.endBefore(subject, epoch);
    return entry;
  }

  /**
   * Whatever a user holds now, but for one of the sessions; of that, the access tokens.
   *
   * @returns whether that session was still there; if not, nothing has changed
   */
  async revokeSubjectBut(sid: string, subject: string): Promise<boolean> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const epoch = await this.nextEpoch(subject);
      // Before the entry: an auth that reads it raises the epoch too, and knows of no session that stays.
      const raised = await this.store.sessions.raiseEpochBut(sid, subject, epoch);
      if (raised === 'dead') return false;
      if (raised === 'behind') continue;
      await this.revoke({ kind: 'sub', value: subject, epoch, until: this.forNow() });
      await this.store.sessions.endBefore(subject, epoch);
      return true;
    }
    throw new StoreUnavailable();
  }

  /** Whatever was issued until now. */
  revokeAll(): Promise<RevocationEntry> {
    const notBefore = this.log.untilNow();
    return this.revoke({ kind: 'all', notBefore, until: notBefore + KEPT_SECONDS });
  }

  private async nextEpoch(subject: string): Promise<number> {
    const recorded = (await this.store.epoch(subject)) ?? this.log.firstEpoch;
    return Math.max(recorded, this.log.epochOf(subject), Math.floor(this.now() * 1000) - 1) + 1;
  }

  private async revoke(entry: RevocationEntry): Promise<RevocationEntry> {
    await this.log.publish(entry);
    return entry;
  }

  /** Until whatever is issued now has expired. */
  private forNow(): number {
    return Math.ceil(this.now()) + KEPT_SECONDS;
  }
}
