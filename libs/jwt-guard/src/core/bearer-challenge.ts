import { type TokenRejected } from './refusals';

/**
 * The `WWW-Authenticate` value for a rejection (RFC 6750, section 3): without `error` where no token was sent,
 * with `scope` where one more was needed.
 *
 * @param realm without quotes and backslashes
 */
export function bearerChallenge(rejection: TokenRejected, realm: string): string {
  const attributes = [`realm="${realm}"`];
  if (rejection.error) {
    attributes.push(`error="${rejection.error}"`, `error_description="${rejection.message}"`);
  }
  if (rejection.requiredScopes) attributes.push(`scope="${rejection.requiredScopes.join(' ')}"`);
  return `Bearer ${attributes.join(', ')}`;
}
