import { OAuthError } from './oauth-error';

export type FormParameters = Readonly<Record<string, string | undefined>>;

/**
 * The parameters of a form; none may be there twice (RFC 6749, section 3.2), and one without a value isn't there.
 *
 * @throws OAuthError `invalid_request` also for a body that is no form
 */
export function formParameters(body: unknown): FormParameters {
  if (!(body instanceof URLSearchParams)) {
    throw new OAuthError('invalid_request', 'The parameters have to be sent as a form.');
  }
  const parameters = new Map<string, string>();
  for (const [name, value] of body) {
    if (parameters.has(name)) throw new OAuthError('invalid_request', 'A parameter was sent more than once.');
    parameters.set(name, value);
  }
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
}
