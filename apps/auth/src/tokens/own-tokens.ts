import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Principal, TokenVerifier } from '@token-relay/jwt-guard';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { type Client, ClientRegistry } from '../clients/client-registry';
import { SIGNING_KEY, type SigningKey } from '../keys/signing-key';
import { RevocationLog } from '../revocation/revocation-log';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';

/** Judges the tokens that come back to their issuer, whoever they are for: as a verifier does, and by what it remembers. */
@Injectable()
export class OwnTokens {
  readonly #verifiers = new Map<string, TokenVerifier>();
  readonly #verifierOf = new WeakMap<Principal, TokenVerifier>();
  readonly #logger = new Logger(OwnTokens.name);

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER'>,
    @Inject(SIGNING_KEY) private readonly key: SigningKey,
    @Inject(AUTH_STORE) private readonly store: AuthStore,
    @Inject(RevocationLog) private readonly log: RevocationLog,
    @Inject(ClientRegistry) private readonly registry: ClientRegistry,
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
   * A token that is meant for anybody.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  verifyForAnybody(token: string): Promise<Principal> {
    const names = this.registry.clients.flatMap(({ id, audiences }) => [id, ...Object.keys(audiences)]);
    return this.#verify(token, [...new Set(names)].sort());
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
  async wasMinted({ subject, tokenId, keyId, clientId }: Principal): Promise<boolean> {
    if (tokenId !== undefined && (await this.store.wasMinted(subject, tokenId))) return true;
    // A store that has lost its memory proves nothing.
    await this.log.confirm();
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

  async #verify(token: string, audience: readonly string[]): Promise<Principal> {
    const verifier = this.#verifierFor(audience);
    const principal = await verifier.verify(token);
    this.#verifierOf.set(principal, verifier);
    return principal;
  }

  #verifierFor(audience: readonly string[]): TokenVerifier {
    const name = audience.join('\n');
    let verifier = this.#verifiers.get(name);
    if (!verifier) {
      const { algorithm, jwks } = this.key;
      verifier = TokenVerifier.create({
        issuers: [{ issuer: this.config.ISSUER, audience, algorithms: [algorithm], jwks }],
        revocation: this.log,
      });
      this.#verifiers.set(name, verifier);
    }
    return verifier;
  }
}
