import { OAuthError } from './oauth-error';

export type FormParameters = Readonly<Record<string, string | undefined>>;

/** Several times as many as any request has. */
const MOST_PARAMETERS = 50;

/** There may be several of each (RFC 8693, section 2.1), but a token is for one target here. */
const TARGETS: ReadonlySet<string> = new Set(['audience', 'resource']);

/**
 * The parameters of a form; none may be there twice (RFC 6749, section 3.2), and one without a value isn't there.
 *
 * @throws OAuthError `invalid_target` for several targets; `invalid_request`, also for a body that is no form, or has
 *   more than 50 of them
 */
export function formParameters(body: unknown): FormParameters {
  if (!(body instanceof URLSearchParams)) {
    throw new OAuthError('invalid_request', 'The parameters have to be sent as a form.');
  }
  if (body.size > MOST_PARAMETERS) throw new OAuthError('invalid_request', 'There are too many parameters.');
  const parameters = new Map<string, string>();
  for (const [name, value] of body) {
    if (parameters.has(name)) {
      throw TARGETS.has(name)
        ? new OAuthError('invalid_target', 'A token is for one target: each is asked for by itself.')
        : new OAuthError('invalid_request', 'A parameter was sent more than once.');
    }
    parameters.set(name, value);
  }
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
}
