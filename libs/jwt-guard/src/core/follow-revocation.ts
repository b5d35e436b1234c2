import { type RevocationSource } from './check-revocation';
import { tell, type VerifierObserver } from './observer';

/**
 * How far the source may be behind, in seconds: 0 where there is none, and Infinity when it gives no number that an age
 * can be.
 */
export function revocationAge(source: RevocationSource | undefined): number {
  if (!source) return 0;
  try {
    const age: unknown = source.ageSeconds;
    if (age === undefined) return 0;
    return typeof age === 'number' && age >= 0 ? age : Infinity;
  } catch {
    return Infinity;
  }
}

/** Whether the source has been complete once; what isn't `true` is no yes. */
export function isRevocationReady(source: RevocationSource | undefined): boolean {
  if (!source) return true;
  try {
    const ready: unknown = source.ready;
    return ready === undefined || ready === true;
  } catch {
    return false;
  }
}

/** Never rejects: a source that can't begin isn't ready, and the observer is told why. */
export async function startRevocation(
  source: RevocationSource | undefined,
  observer: VerifierObserver | undefined,
): Promise<void> {
  try {
    await source?.start?.();
  } catch (error) {
    tellFailure(error, observer);
  }
}

function tellFailure(error: unknown, observer: VerifierObserver | undefined): void {
  const reason = reasonOf(error);
  if (observer?.revocationFailed) tell(observer, 'revocationFailed', { reason });
  else process.emitWarning(revocationWarning(reason), { code: 'JWT_GUARD_REVOCATION' });
}

/**
 * Has the source say when keys have changed. Never throws: keys are fetched without that as well.
 *
 * @returns what ends it
 */
export function followKeys(
  source: RevocationSource | undefined,
  changed: () => void,
  observer: VerifierObserver | undefined,
): () => void {
  try {
    const end: unknown = source?.onKeysChanged?.(changed);
    return () => closing(() => (typeof end === 'function' ? (end as () => unknown)() : undefined));
  } catch (error) {
    tellFailure(error, observer);
    return () => undefined;
  }
}

/** Never throws: whatever else is to be closed has to be. */
export function closeRevocation(source: RevocationSource | undefined): void {
  closing(() => source?.close?.());
}

function closing(close: () => unknown): void {
  const failed = (error: unknown): void =>
    process.emitWarning(`The revocation source could not be closed: ${reasonOf(error)}`, {
      code: 'JWT_GUARD_REVOCATION',
    });
  try {
    const closed = close();
    if (closed instanceof Promise) closed.catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** In words, for a log. */
export function revocationWarning(reason: string): string {
  return `The revocation source could not be started, and does not know what was revoked: ${reason}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error;
}
