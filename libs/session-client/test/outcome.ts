import { SessionError } from '../src/index.js';

/** What became of a call: its value, or what tells of its SessionError. Anything else that it throws goes on. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => {
    if (!(error instanceof SessionError)) throw error;
    const { code, temporary, retryAfterSeconds } = error;
    return { code, temporary, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
  });
}

export const ENDED = { code: 'session_ended', temporary: false };
export const CHANGED = { code: 'session_changed', temporary: false };
