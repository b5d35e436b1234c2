import { errors } from 'undici';

/** Nothing was sent. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** The connection ended before there was an answer: one that was kept open, most of all. */
const LOST = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Whether the connection failed, so that the same call may well succeed on another. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  return LOST.has(code) || UNREACHABLE.has(code);
}

/** Whether it is about a connection, or what came by it: and no error of whoever reads it, who may also give up. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof errors.RequestAbortedError) return false;
  return isConnectionLost(error) || error instanceof errors.UndiciError || codeOf(error).startsWith('HPE_');
}

/** What the caller of this service is told of a destination that didn't answer, or not to the end. */
export function failureOf(cause: unknown): 'upstream_timeout' | 'upstream_unreachable' | 'upstream_failed' {
  if (cause instanceof errors.BodyTimeoutError) return 'upstream_timeout';
  return UNREACHABLE.has(codeOf(cause)) ? 'upstream_unreachable' : 'upstream_failed';
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
