import { type Principal } from '@token-relay/jwt-guard';
import { ProblemException } from '@token-relay/service-kit';

const RECENT_SECONDS = 15 * 60;

/**
 * What can't be undone is for who has logged in lately, and not for whoever finds a session open.
 *
 * @throws ProblemException 403 `login_too_old`
 */
export function requireRecentLogin({ claims }: Principal, now = Date.now() / 1000): void {
  const { auth_time: at } = claims;
  if (typeof at === 'number' && at + RECENT_SECONDS >= now) return;
  throw new ProblemException(403, 'login_too_old', 'This asks for a login of the last 15 minutes.');
}
