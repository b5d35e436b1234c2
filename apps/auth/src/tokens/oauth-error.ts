import { ProblemException } from '@token-relay/service-kit';

/** `error` of RFC 6749, section 5.2, and RFC 8693, section 2.2.2. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'unauthorized_client'
  | 'invalid_target'
  | 'unsupported_grant_type'
  /** Ours: the refresh token goes on to be good. */
  | 'refresh_too_often';

const STATUS: Partial<Record<OAuthErrorCode, number>> = { invalid_client: 401, refresh_too_often: 429 };

/** An error of the token endpoint: what OAuth clients read, in a problem document that everybody else can. */
export class OAuthError extends ProblemException {
  override readonly mediaType = 'application/json';

  constructor(error: OAuthErrorCode, description: string) {
    super(STATUS[error] ?? 400, error, description, {
      error,
      error_description: description,
    });
  }
}
