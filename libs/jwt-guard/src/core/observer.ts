import { type Code } from './refusals';

/** One token that was judged. Holds nothing of the token itself. */
export interface VerificationEvent {
  readonly outcome: 'accepted' | 'rejected' | 'undecided';
  /** Why, unless it was accepted. */
  readonly code?: Code;
  /** The issuer, if the token was accepted: of no other is it known. */
  readonly issuer?: string;
  /** Whether its signature had been verified before. */
  readonly cached: boolean;
  /** Length of the token, in bytes. */
  readonly tokenBytes: number;
  /** How long it took, in seconds; of a token whose key had to be fetched, with that. */
  readonly durationSeconds: number;
  /** More about the reason, for the log: the name of a claim or an option, or why something can't be had. */
  readonly detail?: string;
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

/** The revocation source could not begin to keep up with its issuer. */
export interface RevocationFailureEvent {
  readonly reason: string;
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
  /** `start` of the revocation source has failed: it knows nothing. Without this method it is a process warning. */
  revocationFailed?(event: RevocationFailureEvent): void;
}

type Told<Method> = Method extends ((event: infer Event) => unknown) | undefined ? Event : never;

/** Calls a method of an observer, if there is one: what it throws is reported as a process warning. */
export function tell<Observer extends object, Name extends string & keyof Observer>(
  observer: Observer | undefined,
  name: Name,
  event: Told<Observer[Name]>,
): void {
  try {
    const returned = (observer?.[name] as ((event: unknown) => unknown) | undefined)?.call(observer, event);
    // A method that is async after all: nobody waits for it, and its failure must end no process.
    if (returned instanceof Promise) returned.catch((error: unknown) => warn(name, error));
  } catch (error) {
    warn(name, error);
  }
}

function warn(name: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : typeof error;
  process.emitWarning(`The observer's ${name} failed: ${reason}`, { code: 'JWT_GUARD_OBSERVER' });
}
