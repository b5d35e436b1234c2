import { Inject, Injectable } from '@nestjs/common';
import { isRefusal, TokenRejected } from '../core/refusals';
import { type CallState } from '../nest/call-state';
import { TRANSACTION_ID_HEADER } from '../nest/transaction-id';
import { currentCall } from './relay-context';
import { type DestinationContract, RELAY_OPTIONS, type RelayOptions, resolveRelayOptions } from './relay-options';
import { type Signer } from './signer-of';
import { TokenExchanger } from './token-exchanger';

/** What a call to a destination carries. */
export interface RelayHeaders {
  readonly authorization: string;
  readonly [TRANSACTION_ID_HEADER]: string;
}

/** Whom the current call may be relayed to, and with what. */
@Injectable()
export class TokenRelay {
  readonly timeoutMs: number;
  readonly #destinations: Readonly<Record<string, DestinationContract>>;
  readonly #exchanger: TokenExchanger;

  constructor(@Inject(RELAY_OPTIONS) options: RelayOptions) {
    const resolved = resolveRelayOptions(options);
    this.timeoutMs = resolved.timeoutMs;
    this.#destinations = resolved.destinations;
    this.#exchanger = new TokenExchanger(resolved);
  }

  /** @throws TypeError for a destination without a contract */
  contract(destination: string): DestinationContract {
    const contract = Object.hasOwn(this.#destinations, destination) ? this.#destinations[destination] : undefined;
    if (!contract) throw new TypeError(`there is no relay contract for the destination "${destination}"`);
    return contract;
  }

  /**
   * The headers for a call to the destination on behalf of the caller of the current call, whom it captures
   * before it returns. Nothing to relay is a refusal, and so is a caller whose token doesn't count any more: it has
   * expired, was revoked, or lost its key since the call began. Nobody is called with a token of a key that is revoked.
   *
   * @param pastCache has the token exchanged anew
   */
  headersFor(destination: string, pastCache = false): Promise<RelayHeaders> {
    const contract = this.contract(destination);
    return this.#headersFor(currentCall(), contract, pastCache);
  }

  async #headersFor(
    call: CallState | undefined,
    contract: DestinationContract,
    pastCache: boolean,
  ): Promise<RelayHeaders> {
    if (!call?.authenticated) throw new TokenRejected('token_missing');
    const { principal, token } = call.authenticated;
    call.verifier.recheck(principal);
    const isRevoked = ({ issuer, kid }: Signer): boolean => call.verifier.isKeyRevoked(issuer, kid);
    let exchanged = pastCache ? undefined : this.#exchanger.recall(token, contract, isRevoked);
    if (exchanged === undefined) {
      exchanged = await this.#exchanger.exchange(token, contract);
      // That took a while.
      call.verifier.recheck(principal);
    }
    return { authorization: `Bearer ${exchanged}`, [TRANSACTION_ID_HEADER]: call.transactionId };
  }
}

/** A refusal as the current call has to answer it; everything else as it is. */
export function asAnswer(error: unknown): unknown {
  const call = currentCall();
  return call && isRefusal(error) ? call.refuse(error) : error;
}
