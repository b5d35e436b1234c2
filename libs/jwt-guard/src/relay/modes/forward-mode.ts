import { VerifierUnavailable } from '../../core/refusals';
import { type CallState } from '../../nest/call-state';
import { type Credentials, type RelayMode } from '../relay-mode';
import { callerOf } from '../caller-of';

/** Hands the caller's own token over, for services that accept it as it is. */
export class ForwardMode implements RelayMode {
  credentials(call: CallState | undefined): Credentials {
    const { token, transactionToken } = callerOf(call);
    // What came beside it is for this service: the token of the one that calls, which is no user's.
    if (transactionToken !== undefined) throw new VerifierUnavailable('relay_impossible', { debug: 'forward' });
    return { headers: { authorization: `Bearer ${token}` }, cached: true };
  }

  forget(): void {
    // The token is the caller's.
  }
}
