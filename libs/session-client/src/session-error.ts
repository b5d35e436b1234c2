/** What a server says, and whether the same call may well succeed a little later. */
const SERVER_CODES = {
  invalid_credentials: false,
  too_many_attempts: true,
  login_busy: true,
  refresh_too_often: true,
  store_unavailable: true,
  csrf_header_missing: false,
  origin_not_allowed: false,
  session_not_found: false,
  invalid_client: false,
} as const;

/** What this side finds out. */
const OWN_CODES = {
  session_ended: false,
  session_changed: false,
  network_failed: true,
  timed_out: true,
  temporarily_unavailable: true,
  unexpected_answer: false,
  token_not_for_origin: false,
  storage_failed: true,
  client_closed: false,
} as const;

const TEMPORARY = { ...SERVER_CODES, ...OWN_CODES };

/** Decide by it: texts may change. */
export type SessionErrorCode = keyof typeof TEMPORARY;

export function isServerCode(code: string): code is keyof typeof SERVER_CODES {
  return Object.hasOwn(SERVER_CODES, code);
}

export function isSessionErrorCode(code: unknown): code is SessionErrorCode {
  return typeof code === 'string' && Object.hasOwn(TEMPORARY, code);
}

export interface SessionErrorDetails {
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly serverCode?: string | undefined;
  readonly cause?: unknown;
}

/** What the client throws. Neither its text nor its members ever hold a token or a password. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly code: SessionErrorCode;
  /** True when nothing is decided: the session may be alive, and the same call may well succeed later. */
  readonly temporary: boolean;
  /** The HTTP status, if a server has answered. */
  readonly status: number | undefined;
  /** When to try again, if that is known. */
  readonly retryAfterSeconds: number | undefined;
  /** The `code` – or, of an OAuth endpoint, the `error` – that the server gave, known here or not. */
  readonly serverCode: string | undefined;

  constructor(code: SessionErrorCode, message: string, details: SessionErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.temporary = TEMPORARY[code];
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.serverCode = details.serverCode;
  }
}

export function sessionEnded(serverCode?: string, status?: number): SessionError {
  return new SessionError('session_ended', 'There is no session, or it has ended: log in.', { serverCode, status });
}

export function sessionChanged(): SessionError {
  return new SessionError('session_changed', 'Somebody has logged in or out meanwhile.');
}

export function clientClosed(): SessionError {
  return new SessionError('client_closed', 'The session client was closed.');
}
