import { CallFailed } from './call-failed';
import { type Problem } from './types';

/**
 * The JSON of a good answer.
 *
 * @throws CallFailed with the answer's problem, or one that is made of its status where it is none
 */
export async function readAnswer<T>(response: Response): Promise<T> {
  const body = parsed(await response.text());
  if (response.ok && body !== undefined) return body as T;
  const { headers } = response;
  const scopes = scopesIn(headers.get('www-authenticate'));
  throw new CallFailed(problemOf(response, body), retryAfter(headers.get('retry-after')), scopes);
}

export function problemOf({ status, ok }: Pick<Response, 'status' | 'ok'>, body: unknown): Problem {
  if (ok) return { status, code: 'unexpected_answer', detail: 'The answer is not JSON.' };
  const given = typeof body === 'object' && body !== null ? (body as Partial<Problem>) : {};
  if (typeof given.code === 'string') return { ...given, status, code: given.code };
  return {
    status,
    code: status >= 500 ? 'unavailable' : 'request_refused',
    detail: `The server has answered ${status}.`,
  };
}

function retryAfter(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}

/** RFC 6750, section 3: of a challenge that says so. */
function scopesIn(challenge: string | null): readonly string[] | undefined {
  return challenge?.match(/\bscope="([^"]+)"/)?.[1]?.split(' ');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
