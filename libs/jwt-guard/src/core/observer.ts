import { type OutageCode, type RejectionCode } from './refusals';

/** One token that was judged. Holds nothing of the token itself. */
export interface VerificationEvent {
  readonly outcome: 'accepted' | 'rejected' | 'undecided';
  /** Why, unless it was accepted. */
  readonly code?: RejectionCode | OutageCode;
  /** The issuer, if the token was accepted: of no other is it known. */
  readonly issuer?: string;
  /** Whether its signature had been verified before. */
  readonly cached: boolean;
  /** Length of the token, in bytes. */
  readonly tokenBytes: number;
}

/** One request for an issuer's keys. */
export interface JwksFetchEvent {
  readonly issuer: string;
  readonly outcome: 'changed' | 'unchanged' | 'failed';
  readonly durationSeconds: number;
  /** Keys that can be used now. */
  readonly keys: number;
  /** Why it failed. */
  readonly reason?: string;
}

export interface ClockSkewEvent {
  readonly issuer: string;
  /** How far this machine's clock is ahead of the issuer's, in seconds; negative where it is behind. */
  readonly skewSeconds: number;
}

/**
 * Told what a verifier does: for metrics, and for the log. Its methods are called on the request path and must
 * return quickly; what they throw is reported as a process warning and changes no verdict.
 */
export interface VerifierObserver {
  /** A token was judged. */
  verified?(event: VerificationEvent): void;
  /** An issuer was asked for its keys. */
  jwksFetched?(event: JwksFetchEvent): void;
  /**
   * Three readings in a row of an issuer's clock were further from this machine's than the tolerance: tokens
   * are, or soon will be, refused for their times. Told once, until a reading is within the tolerance again.
   * Without this method it is a process warning.
   */
  clockSkewed?(event: ClockSkewEvent): void;
}

type Events = {
  [Name in keyof VerifierObserver]-?: Parameters<NonNullable<VerifierObserver[Name]>>[0];
};

export function tell<Name extends keyof Events>(
  observer: VerifierObserver | undefined,
  name: Name,
  event: Events[Name],
): void {
  try {
    (observer?.[name] as ((event: Events[Name]) => void) | undefined)?.call(observer, event);
  } catch (error) {
    process.emitWarning(`The observer's ${name} failed: ${String(error)}`, { code: 'JWT_GUARD_OBSERVER' });
  }
}
