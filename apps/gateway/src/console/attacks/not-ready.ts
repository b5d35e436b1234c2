import { ProblemException } from '@token-relay/service-kit';

/** For an attack that can't even be tried. */
export function notReady(detail: string): ProblemException {
  return new ProblemException(503, 'attack_not_ready', detail);
}
