import { type ResolvedContract } from './relay-options';
import { type KeyRevocations, TokenCache, type Wanted } from './token-cache';
import { type TokenEndpoint } from './token-endpoint';

/** This service's own tokens (`client_credentials`, RFC 6749, section 4.4), by audience and scopes: no user is in them. */
export class ServiceTokens {
  readonly #cache = new TokenCache();

  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly verifier: KeyRevocations | undefined,
  ) {}

  /** @param scope that it is to have. Default: whatever the issuer gives, where all that matters is who calls */
  recall({ audience, maxAgeSeconds }: ResolvedContract, scope?: string): string | undefined {
    return this.#cache.recall(wantedFor(audience, scope), maxAgeSeconds, this.verifier);
  }

  /** @throws VerifierUnavailable `exchange_unavailable` */
  fetch({ audience }: ResolvedContract, scope?: string): Promise<string> {
    const form = { grant_type: 'client_credentials', audience, ...(scope !== undefined && { scope }) };
    return this.#cache.fetch(wantedFor(audience, scope), () => this.endpoint.grant({ form, tokenType: 'bearer' }));
  }

  forget({ audience }: ResolvedContract, scope?: string): void {
    this.#cache.forget(wantedFor(audience, scope));
  }
}

function wantedFor(audience: string, scope = ''): Wanted {
  return { audience, scope, subject: '' };
}
