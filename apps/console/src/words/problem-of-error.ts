import { SessionError } from '@token-relay/session-client';
import { CallFailed } from '../api/call-failed';
import { type Problem } from '../api/types';

export interface Failure {
  readonly problem: Problem;
  readonly retryAfterSeconds?: number | undefined;
  readonly requiredScopes?: readonly string[] | undefined;
}

/** Whatever was thrown, by a code that there are words for. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CallFailed) {
    const { problem, retryAfterSeconds, requiredScopes } = error;
    return { problem, retryAfterSeconds, requiredScopes };
  }
  if (error instanceof SessionError) {
    const { code, serverCode, status = 0, message: detail, retryAfterSeconds } = error;
    // The server's own says more.
    return { problem: { status, code: serverCode ?? code, detail }, retryAfterSeconds };
  }
  // What `fetch` throws for a network that doesn't answer.
  if (error instanceof TypeError) return { problem: { status: 0, code: 'network_failed', detail: error.message } };
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { problem: { status: 0, code: 'timed_out' } };
  return { problem: { status: 0, code: 'page_failed', detail: error instanceof Error ? error.message : '' } };
}
