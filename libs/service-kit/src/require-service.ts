import { type Principal, TokenRejected } from '@token-relay/jwt-guard';

/**
 * Lets in one service that calls for itself: with a token of its own (`client_credentials`), in which no user is.
 *
 * @throws TokenRejected `actor_not_allowed` for another service, for whoever acts for somebody, and for every user
 */
export function requireService({ subject, clientId, actor, sessionId }: Principal, service: string): void {
  const isItself = subject === service && clientId === service && actor.length === 0 && sessionId === undefined;
  if (!isItself) throw new TokenRejected('actor_not_allowed');
}
