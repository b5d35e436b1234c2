import { VerifierUnavailable } from '../../core/refusals';
import { type CallState } from '../../nest/call-state';
import { callerOf } from '../caller-of';
import { isOwnAccount } from '../own-account';
import { type Credentials, type CredentialsRequest, type RelayMode } from '../relay-mode';
import { type ResolvedContract } from '../relay-options';
import { type ServiceTokens } from '../service-tokens';
import { TokenCache, type Wanted } from '../token-cache';
import { type TokenEndpoint } from '../token-endpoint';
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE_GRANT } from '../token-types';

/**
 * A token of its own for each destination (RFC 8693): for that audience, with no more scopes than the contract has, and
 * with this service as the actor.
 */
export class ExchangeMode implements RelayMode {
  readonly #cache = new TokenCache();

  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly serviceTokens: ServiceTokens,
  ) {}

  credentials(
    call: CallState | undefined,
    contract: ResolvedContract,
    { renew }: CredentialsRequest,
  ): Credentials | Promise<Credentials> {
    if (isOwnAccount(call)) return this.ownCredentials(contract, renew);
    const subjectToken = subjectTokenOf(call);
    const wanted = wantedFor(subjectToken, contract);
    const kept = renew ? undefined : this.#cache.recall(wanted, contract.maxAgeSeconds, call?.verifier);
    return kept === undefined ? this.#exchanged(call, contract, wanted, subjectToken) : bearer(kept, true);
  }

  async #exchanged(
    call: CallState | undefined,
    contract: ResolvedContract,
    wanted: Wanted,
    subjectToken: string,
  ): Promise<Credentials> {
    const token = await this.#cache.fetch(wanted, () =>
      this.endpoint.grant({
        form: {
          grant_type: TOKEN_EXCHANGE_GRANT,
          subject_token: subjectToken,
          subject_token_type: ACCESS_TOKEN_TYPE,
          requested_token_type: ACCESS_TOKEN_TYPE,
          audience: contract.audience,
          scope: contract.scope,
        },
        tokenType: 'bearer',
      }),
    );
    // That took a while.
    callerOf(call);
    return bearer(token, false);
  }

  forget(call: CallState | undefined, contract: ResolvedContract): void {
    if (isOwnAccount(call)) this.serviceTokens.forget(contract, contract.scope);
    else if (call?.authenticated) this.#cache.forget(wantedFor(call.authenticated.token, contract));
  }

  private async ownCredentials(contract: ResolvedContract, renew: boolean): Promise<Credentials> {
    const scope = contract.scope;
    const kept = renew ? undefined : this.serviceTokens.recall(contract, scope);
    return kept === undefined ? bearer(await this.serviceTokens.fetch(contract, scope), false) : bearer(kept, true);
  }
}

/** @throws VerifierUnavailable `relay_impossible` for a call of a transaction, whose token is none to exchange */
function subjectTokenOf(call: CallState | undefined): string {
  const { token, transactionToken } = callerOf(call);
  if (transactionToken !== undefined) throw new VerifierUnavailable('relay_impossible', { debug: 'exchange' });
  return token;
}

function wantedFor(subject: string, { audience, scope }: ResolvedContract): Wanted {
  return { audience, scope, subject };
}

function bearer(token: string, cached: boolean): Credentials {
  return { headers: { authorization: `Bearer ${token}` }, cached };
}
