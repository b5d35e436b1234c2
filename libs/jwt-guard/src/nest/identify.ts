import { requireServiceToken } from '../core/acting-service';
import { TokenRejected } from '../core/refusals';
import { type Authenticated, type CallState } from './call-state';

/**
 * For whom a call is made, by what it carries: one way for every transport, and for every guard that asks.
 *
 * @param request where the tokens are
 * @param maxAgeSeconds how old an access token may be that has expired, for the handler of an event that may come late.
 *   Default: none may. With a transaction token none may: that one is for the moment
 * @throws TokenRejected when that isn't proven, or the call is malformed
 * @throws VerifierUnavailable when it can't be decided
 */
export async function identify(call: CallState, request: object, maxAgeSeconds?: number): Promise<Authenticated> {
  const startedAt = performance.now();
  const sent = credentialsOf(call, request);
  const authenticated =
    sent.transactionToken === undefined
      ? await byAccessToken(call, sent.token, maxAgeSeconds)
      : await byBothTokens(call, sent.token, sent.transactionToken);
  call.verifiedInMs ??= performance.now() - startedAt;
  return authenticated;
}

/**
 * The same at once, where every token of the call was verified before; `undefined` where `identify` has to be asked.
 *
 * @throws TokenRejected
 * @throws VerifierUnavailable
 */
export function identifyAtOnce(call: CallState, request: object): Authenticated | undefined {
  const startedAt = performance.now();
  const { token, transactionToken } = credentialsOf(call, request);
  const caller = token === '' ? undefined : call.verifier.recall(token);
  if (!caller) return undefined;
  let authenticated: Authenticated = { principal: caller, token };
  if (transactionToken !== undefined) {
    const transaction = call.verifier.recallTransaction(transactionToken);
    if (!transaction) return undefined;
    authenticated = { principal: call.verifier.actingFor(caller, transaction), token, transactionToken };
  }
  call.verifiedInMs ??= performance.now() - startedAt;
  return authenticated;
}

interface Credentials {
  /** Empty where there is none. */
  readonly token: string;
  readonly transactionToken: string | undefined;
}

/**
 * What the call carries, before anything of it is verified.
 *
 * @throws TokenRejected `context_malformed`, `transaction_repeated`, `transaction_not_accepted`, and what the extractor
 *   of the access token throws
 */
function credentialsOf(call: CallState, request: object): Credentials {
  const { malformed } = call.hints;
  if (malformed !== undefined) throw new TokenRejected('context_malformed', { debug: malformed });
  const transactionTokens = call.transactionTokens();
  if (transactionTokens.length > 1) throw new TokenRejected('transaction_repeated');
  const [transactionToken] = transactionTokens;
  // Passed over, the call would be the service's own, and no more the user's.
  if (transactionToken !== undefined && !call.verifier.acceptsTransactions) {
    throw new TokenRejected('transaction_not_accepted', { debug: 'transactions' });
  }
  const token = call.extract(request);
  return { token: typeof token === 'string' ? token : '', transactionToken };
}

async function byAccessToken(call: CallState, token: string, maxAgeSeconds?: number): Promise<Authenticated> {
  if (token === '') throw new TokenRejected('token_missing');
  const { verifier } = call;
  const principal = await (maxAgeSeconds === undefined
    ? verifier.verify(token)
    : verifier.verifyLate(token, maxAgeSeconds));
  return { principal, token };
}

async function byBothTokens(call: CallState, token: string, transactionToken: string): Promise<Authenticated> {
  const { principal: service } = await byAccessToken(call, token);
  // First, though it is asked again: of what a user sends beside a token of her own nothing has to be verified.
  requireServiceToken(service);
  const transaction = await call.verifier.verifyTransaction(transactionToken);
  return { principal: call.verifier.actingFor(service, transaction), token, transactionToken };
}
