import { isRefusal } from '@token-relay/jwt-guard';
import { ProblemException } from '@token-relay/service-kit';

/** The code of a refusal, as docs/errors.md lists it; of what nobody foresaw `internal_error`. */
export function outcomeOf(error: unknown): string {
  return error instanceof ProblemException || isRefusal(error) ? error.code : 'internal_error';
}
