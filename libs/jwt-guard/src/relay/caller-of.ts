import { TokenRejected } from '../core/refusals';
import { type Authenticated, type CallState } from '../nest/call-state';

/**
 * For whom the call is made that is being answered, if that still counts: the token may have expired since, been
 * revoked, or lost its key.
 *
 * @throws TokenRejected `token_missing` where there is nobody; why the token doesn't count any more
 * @throws VerifierUnavailable
 */
export function callerOf(call: CallState | undefined): Authenticated {
  if (!call?.authenticated) throw new TokenRejected('token_missing');
  call.verifier.recheck(call.authenticated.principal);
  return call.authenticated;
}
