import { type CallState } from '../../nest/call-state';
import { TRANSACTION_TOKEN_HEADER } from '../../nest/transaction-token';
import { callerOf } from '../caller-of';
import { isOwnAccount } from '../own-account';
import { type Credentials, type CredentialsRequest, type RelayMode, type TransactionRequest } from '../relay-mode';
import { type ResolvedContract } from '../relay-options';
import { type ServiceTokens } from '../service-tokens';
import { type GrantedToken, type TokenEndpoint } from '../token-endpoint';
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE_GRANT, TRANSACTION_TOKEN_TYPE } from '../token-types';

/** What auth takes of `request_details` and `request_context`. */
const MOST_BYTES = 4_096;

/** A transaction that a call has begun. */
interface Begun {
  readonly minted: Promise<GrantedToken>;
  /** By `performance.now()`; once it is known. */
  expiresAt: number;
}

/**
 * A transaction token (draft-ietf-oauth-transaction-tokens) that says for whom, and a token of this service's own that
 * says who calls. The first service of a chain has it minted, once a call and set of scopes; the others pass it on as it
 * is.
 */
export class TransactionMode implements RelayMode {
  /** By their scopes. */
  readonly #begun = new WeakMap<CallState, Map<string, Begun>>();

  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly serviceTokens: ServiceTokens,
    private readonly trustDomain: string,
  ) {}

  async credentials(
    call: CallState | undefined,
    contract: ResolvedContract,
    { renew, transaction = {} }: CredentialsRequest,
  ): Promise<Credentials> {
    const kept = renew ? undefined : this.serviceTokens.recall(contract);
    // At the same time: neither needs the other.
    const [own, token] = await Promise.all([
      kept ?? this.serviceTokens.fetch(contract),
      isOwnAccount(call) ? undefined : this.#tokenOf(call, contract, renew, transaction),
    ]);
    const authorization = `Bearer ${own}`;
    if (token === undefined) return { headers: { authorization }, cached: kept !== undefined };
    // That took a while.
    const isPassedOn = token === callerOf(call).transactionToken;
    return {
      headers: { authorization, [TRANSACTION_TOKEN_HEADER]: token },
      cached: isPassedOn && kept !== undefined,
    };
  }

  forget(call: CallState | undefined, contract: ResolvedContract): void {
    this.serviceTokens.forget(contract);
    if (call) this.#begun.delete(call.root);
  }

  async #tokenOf(
    call: CallState | undefined,
    contract: ResolvedContract,
    renew: boolean,
    request: TransactionRequest,
  ): Promise<string> {
    const { token, transactionToken } = callerOf(call);
    if (transactionToken !== undefined) return transactionToken;
    const { scope } = contract;
    const begun = this.#begunBy((call as CallState).root);
    const before = renew ? undefined : begun.get(scope);
    if (before && before.expiresAt > performance.now()) return (await before.minted).token;
    const minting: Begun = { minted: this.#mint(token, scope, request), expiresAt: Infinity };
    begun.set(scope, minting);
    try {
      const granted = await minting.minted;
      minting.expiresAt = performance.now() + granted.expiresInSeconds * 1000;
      return granted.token;
    } catch (error) {
      // It is asked for anew next time, unless somebody has done so meanwhile.
      if (begun.get(scope) === minting) begun.delete(scope);
      throw error;
    }
  }

  #begunBy(call: CallState): Map<string, Begun> {
    let begun = this.#begun.get(call);
    if (!begun) this.#begun.set(call, (begun = new Map<string, Begun>()));
    return begun;
  }

  async #mint(subjectToken: string, scope: string, { details, context }: TransactionRequest): Promise<GrantedToken> {
    return this.endpoint.grant({
      form: {
        grant_type: TOKEN_EXCHANGE_GRANT,
        subject_token: subjectToken,
        subject_token_type: ACCESS_TOKEN_TYPE,
        requested_token_type: TRANSACTION_TOKEN_TYPE,
        audience: this.trustDomain,
        scope,
        ...(details && { request_details: json('transaction.details', details) }),
        ...(context && { request_context: json('transaction.context', context) }),
      },
      tokenType: 'n_a',
    });
  }
}

/** @throws TypeError for what the issuer would refuse as if the caller's token was bad */
function json(name: string, value: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MOST_BYTES) throw new TypeError(`${name}: must be ${MOST_BYTES} bytes of JSON at most`);
  return text;
}
