import { type CallState } from '../nest/call-state';
import { type ResolvedContract } from './relay-options';

/** What a call to a destination proves itself with. */
export interface Credentials {
  /** In lower case: what stands in the headers of an HTTP request, or beside the data of a message. */
  readonly headers: { readonly authorization?: string; readonly 'txn-token'?: string };
  /** Whether all of it was at hand. */
  readonly cached: boolean;
}

/** What a transaction token is to say of its transaction, where this call begins it. */
export interface TransactionRequest {
  /** What is going to be done (`tctx`): it stays the same on every service. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Under which circumstances (`rctx`): the client's address, for one. */
  readonly context?: Readonly<Record<string, unknown>>;
}

export interface CredentialsRequest {
  /** Past what is at hand: the destination has refused that. */
  readonly renew: boolean;
  readonly transaction?: TransactionRequest | undefined;
}

/** One way to call on behalf of somebody. Each has a file of its own; none falls back to another. */
export interface RelayMode {
  /**
   * @param call on whose behalf; `undefined` outside of one
   * @throws TokenRejected when there is nothing to relay, or what there is doesn't count any more
   * @throws VerifierUnavailable
   */
  credentials(
    call: CallState | undefined,
    contract: ResolvedContract,
    request: CredentialsRequest,
  ): Credentials | Promise<Credentials>;
  /**
   * Forgets what is at hand for this call: the destination has refused it, and the call can't be sent again.
   */
  forget(call: CallState | undefined, contract: ResolvedContract): void;
}
