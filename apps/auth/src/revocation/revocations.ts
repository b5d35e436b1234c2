import { type RevocationEntry } from '@token-relay/jwt-guard';
import { type AuthStore } from '../store/auth-store';
import { MARGIN_SECONDS } from './kept-seconds';
import { type RevocationLog } from './revocation-log';

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
    const until =
      expiresAt === undefined ? this.forNow() : Math.ceil(expiresAt) + MARGIN_SECONDS + this.log.lateHandlingSeconds;
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
    const next = await this.nextEpoch(subject);
    const epoch = next + (next % 2);
    const entry = await this.revokeEpoch(subject, epoch);
    // Behind it: a token that is issued in between has the old epoch, and is revoked. A session that was spared in between,
    // by somebody who shouldn't be there, has a higher one.
    const passed = await this.store.passEpoch(subject, epoch);
    const last = passed > epoch ? await this.revokeEpoch(subject, passed) : entry;
    await this.store.sessions.endBefore(subject, passed);
    return last;
  }

  /**
   * Whatever a user holds now, but for one of the sessions; of that, the access tokens.
   *
   * @returns whether that session was still there; if not, nothing has changed
   */
  async revokeSubjectBut(sid: string, subject: string): Promise<boolean> {
    // Before the entry: an auth that reads it raises the epoch too, and knows of no session that stays.
    const epoch = await this.store.sessions.raiseEpochBut(sid, await this.nextEpoch(subject));
    if (epoch === undefined) return false;
    await this.revokeEpoch(subject, epoch);
    await this.store.sessions.endBefore(subject, epoch);
    return true;
  }

  /** Whatever was issued until now. */
  revokeAll(): Promise<RevocationEntry> {
    const notBefore = this.log.untilNow();
    return this.revoke({ kind: 'all', notBefore, until: notBefore + this.log.keptSeconds });
  }

  private revokeEpoch(subject: string, epoch: number): Promise<RevocationEntry> {
    return this.revoke({ kind: 'sub', value: subject, epoch, until: this.forNow() });
  }

  private async nextEpoch(subject: string): Promise<number> {
    const recorded = (await this.store.epoch(subject)) ?? this.log.firstEpoch;
    return Math.max(recorded, this.log.epochOf(subject), Math.floor(this.now() * 1000) - 1) + 1;
  }

  private async revoke(entry: RevocationEntry): Promise<RevocationEntry> {
    await this.log.publish(entry);
    return entry;
  }

  /** Until nobody counts any more what is issued now. */
  private forNow(): number {
    return Math.ceil(this.now()) + this.log.keptSeconds;
  }
}
