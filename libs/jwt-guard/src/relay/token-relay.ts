import { Inject, Injectable } from '@nestjs/common';
import { isRefusal, TokenRejected } from '../core/refusals';
import { TRANSACTION_ID_HEADER } from '../nest/transaction-id';
import { currentCall } from './relay-context';
import { type DestinationContract, RELAY_OPTIONS, type RelayOptions, resolveRelayOptions } from './relay-options';
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
   * before it returns. Nothing to relay is a refusal.
   *
   * @param pastCache has the token exchanged anew
   */
  headersFor(destination: string, pastCache = false): Promise<RelayHeaders> {
    const contract = this.contract(destination);
    const call = currentCall();
    if (!call?.authenticated) return Promise.reject(new TokenRejected('token_missing'));
    return this.#exchanger.exchange(call.authenticated.token, contract, pastCache).then((token) => ({
      authorization: `Bearer ${token}`,
      [TRANSACTION_ID_HEADER]: call.transactionId,
    }));
  }
}

/** A refusal as the current call has to answer it; everything else as it is. */
export function asAnswer(error: unknown): unknown {
  const call = currentCall();
  return call && isRefusal(error) ? call.refuse(error) : error;
}
