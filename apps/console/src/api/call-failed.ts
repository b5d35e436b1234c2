import { type Problem } from './types';

/** Why a call of the console came to nothing: by a stable code, whoever it was that said no. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';

  constructor(
    readonly problem: Problem,
    /** When to try again, if that is known. */
    readonly retryAfterSeconds?: number,
    /** What the token would have to be good for, where that is what it wants. */
    readonly requiredScopes?: readonly string[],
  ) {
    super(problem.detail ?? problem.title ?? problem.code);
  }
}
