import { ProblemException } from '@token-relay/service-kit';

/** The refresh token is none, or none any more: whoever has brought it has to log in again. */
export class SessionEnded extends ProblemException {
  constructor() {
    super(401, 'session_ended', 'The session has ended, or never was: log in again.');
  }
}

/** The session goes on: only not right now. */
export class RefreshTooOften extends ProblemException {
  constructor(readonly retryAfterSeconds: number) {
    super(429, 'refresh_too_often', 'The refresh token was used too often in a short time.');
  }
}
