import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Principal, TokenRejected, TokenVerifier } from '@token-relay/jwt-guard';
import { ProblemException } from '@token-relay/service-kit';
import { decodeJwt } from 'jose';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { type Client } from '../clients/client-registry';
import { KEY_ALGORITHMS } from '../keys/key-ring';
import { SigningKeys } from '../keys/signing-keys';
import { RevocationLog } from '../revocation/revocation-log';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';
import { StoreUnavailable } from '../store/store-unavailable';

/** The most that a verifier may give to clocks. */
const MOST_TOLERANCE_SECONDS = 60;

/** Judges the tokens that come back to their issuer, whoever they are for: as a verifier does, and by what it remembers. */
@Injectable()
export class OwnTokens {
  readonly #verifiers = new Map<string, TokenVerifier>();
  readonly #verifierOf = new WeakMap<Principal, TokenVerifier>();
  readonly #logger = new Logger(OwnTokens.name);

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER'>,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(AUTH_STORE) private readonly store: AuthStore,
    @Inject(RevocationLog) private readonly log: RevocationLog,
  ) {}

  /**
   * A token that is meant for this client.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  verifyFor(client: Client, token: string): Promise<Principal> {
    return this.#verify(token, [client.id]);
  }

  /**
   * A token that anybody may accept, whoever it is meant for and however much that one's clock is behind.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  verifyForAnybody(token: string): Promise<Principal> {
    // One for this call: whom a token is for is its bearer's choice until it is verified.
    return this.#verifiedBy(this.#newVerifier(audienceIn(token), MOST_TOLERANCE_SECONDS), token);
  }

  /**
   * Whether a token that was verified before still counts.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  recheck(principal: Principal): void {
    this.#verifierOf.get(principal)?.recheck(principal);
  }

  /**
   * Whether a token was issued here, and not only signed with the key. One that wasn't is reported: it proves that
   * somebody else can sign.
   *
   * @throws StoreUnavailable
   */
  async wasMinted({ subject, tokenId = '', keyId, clientId, claims }: Principal): Promise<boolean> {
    const minted = await this.store.wasMinted(subject, tokenId, claims.iat as number);
    if (minted) return true;
    // A store that has lost its memory proves nothing.
    if (minted === undefined) throw new StoreUnavailable();
    this.#logger.error(
      `jti_never_issued: a token with a good signature was never issued ${JSON.stringify({
        kid: keyId,
        jti: tokenId,
        sub: subject,
        clientId,
      })}`,
    );
    return false;
  }

  /** @throws ProblemException 401 `jti_never_issued`; StoreUnavailable */
  async requireMinted(principal: Principal): Promise<void> {
    if (await this.wasMinted(principal)) return;
    throw new ProblemException(401, 'jti_never_issued', 'The access token was never issued.');
  }

  async #verify(token: string, audience: readonly string[]): Promise<Principal> {
    const verifier = this.#verifierFor(audience);
    const principal = await this.#verifiedBy(verifier, token);
    this.#verifierOf.set(principal, verifier);
    return principal;
  }

  async #verifiedBy(verifier: TokenVerifier, token: string): Promise<Principal> {
    try {
      return await verifier.verify(token);
    } catch (error) {
      if (!(error instanceof TokenRejected) || error.code !== 'key_unknown') throw error;
      // Another auth may have begun to use a key that isn't known here yet. Who makes keys up costs a look each time.
      if (!(await this.keys.look())) throw new StoreUnavailable();
      return verifier.verify(token);
    }
  }

  #verifierFor(audience: readonly string[]): TokenVerifier {
    const name = audience.join('\n');
    let verifier = this.#verifiers.get(name);
    if (!verifier) this.#verifiers.set(name, (verifier = this.#newVerifier(audience)));
    return verifier;
  }

  #newVerifier(audience: readonly string[], clockToleranceSeconds?: number): TokenVerifier {
    const jwks = () => this.keys.jwks;
    return TokenVerifier.create({
      issuers: [{ issuer: this.config.ISSUER, audience, algorithms: KEY_ALGORITHMS, jwks }],
      revocation: this.log,
      ...(clockToleranceSeconds !== undefined && { clockToleranceSeconds }),
    });
  }
}

/** What stands in a token as its audience; of one that has none, a name that no token is for. */
function audienceIn(token: string): readonly string[] {
  try {
    const audience = [decodeJwt(token).aud ?? []].flat().filter((name) => name !== '');
    return audience.length > 0 ? audience : NOBODY;
  } catch {
    return NOBODY;
  }
}

const NOBODY = ['nobody'];
