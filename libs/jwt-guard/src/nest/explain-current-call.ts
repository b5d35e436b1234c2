import { type DecisionTrace } from '../core/explain-token';
import { currentCall } from '../relay/relay-context';

/**
 * Why the access token of the current call was accepted, stage by stage, as `TokenVerifier.explain` has it: for
 * demonstrations and for support. The token itself stays where it is, and its signature isn't in the trace; all of its
 * claims are, which is more than a caller should be told by default. Of a call with a transaction token it is the
 * caller's own token beside it that is explained.
 *
 * @returns `undefined` outside of a call, and where it is public
 */
export async function explainCurrentCall(): Promise<DecisionTrace | undefined> {
  const call = currentCall();
  return call?.authenticated && call.verifier.explain(call.authenticated.token);
}
