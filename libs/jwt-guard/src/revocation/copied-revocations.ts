import { type RevocationSource, type RevocationStats } from '../core/check-revocation';
import { type Principal } from '../core/principal';
import { type RevocationCopy } from './revocation-copy';
import { type Revocation } from './revocation-entry';

/** A source that answers from a copy; what extends it keeps that up to date, and begins and ends with `start` and `close`. */
export abstract class CopiedRevocations implements RevocationSource {
  constructor(protected readonly copy: RevocationCopy) {}

  abstract start(): Promise<void>;
  abstract close(): void;

  isRevoked(principal: Principal): boolean {
    return this.copy.isRevoked(principal);
  }

  isKeyRevoked(issuer: string, kid: string): boolean {
    return this.copy.isKeyRevoked(issuer, kid);
  }

  subscribe(changed: () => void): () => void {
    return this.copy.subscribe(changed);
  }

  onKeysChanged(changed: () => void): () => void {
    return this.copy.onKeysChanged(changed);
  }

  /**
   * Calls back with what was revoked, as it comes: for whoever shows it, and not for deciding anything. Of what was there
   * before the source was complete for the first time nobody is told.
   *
   * @returns what ends it
   */
  onRevoked(told: (entries: readonly Revocation[]) => void): () => void {
    return this.copy.onRevoked(told);
  }

  get version(): number {
    return this.copy.version;
  }

  get ready(): boolean {
    return this.copy.ready;
  }

  get ageSeconds(): number {
    return this.copy.ageSeconds;
  }

  get stats(): RevocationStats {
    return this.copy.stats;
  }
}
