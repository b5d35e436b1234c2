import { OAuthError } from './oauth-error';

const WORD = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * The words of a `scope` parameter, each once.
 *
 * @throws OAuthError `invalid_scope` for what is no list of words with one space between each two (RFC 6749, 3.3)
 */
export function askedScopes(scope: string): readonly string[] {
  const words = scope.split(' ');
  if (!words.every((word) => WORD.test(word))) {
    throw new OAuthError('invalid_scope', 'The parameter scope must be words with one space between each two.');
  }
  return [...new Set(words)];
}
