import { Inject, Injectable, Logger } from '@nestjs/common';
import { type JsonWebKeySet, type Principal, TokenRejected, TokenVerifier } from '@token-relay/jwt-guard';
import { NeverIssuedMetrics, ProblemException, StoreUnavailable } from '@token-relay/service-kit';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { type Client } from '../clients/client-registry';
import { KEY_ALGORITHMS } from '../keys/key-ring';
import { SigningKeys } from '../keys/signing-keys';
import { RevocationLog } from '../revocation/revocation-log';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';

/** The most that a verifier may give to clocks. */
const MOST_TOLERANCE_SECONDS = 60;
/** A token comes a few times, once for each destination, and there is a verifier for each client. */
const REMEMBERED_TOKENS = 500;
/** As many as verifiers take. */
const MOST_AUDIENCES = 32;
/** What verifiers take: of what is larger nothing is looked at. */
const MOST_BYTES = 8_192;

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
    @Inject(NeverIssuedMetrics) private readonly neverIssued: NeverIssuedMetrics,
  ) {}

  /**
   * A token that is meant for this client.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  async verifyFor(client: Client, token: string): Promise<Principal> {
    const verifier = this.#verifierFor(client);
    const principal = await this.#verified(() => verifier.verify(token));
    this.#verifierOf.set(principal, verifier);
    return principal;
  }

  /**
   * A token that anybody may accept: whoever it is meant for, however much that one's clock is behind, and however late
   * what came with it is handled.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  verifyForAnybody(token: string): Promise<Principal> {
    const { kid, audience } = claimed(token);
    // One for this call, and with the one key that it needs: whom a token is for is its bearer's choice until it is verified.
    const verifier = TokenVerifier.create({
      issuers: [this.#issuer(audience, this.#keyCalled(kid))],
      revocation: this.log,
      clockToleranceSeconds: MOST_TOLERANCE_SECONDS,
      verdictCacheSize: 0,
    });
    const { lateHandlingSeconds: late } = this.log;
    return this.#verified(() => (late > 0 ? verifier.verifyLate(token, late) : verifier.verify(token)));
  }

  /**
   * Whether a token that was verified by `verifyFor` still counts.
   *
   * @throws TokenRejected, VerifierUnavailable
   * @throws TypeError for any other principal: nobody here knows its token
   */
  recheck(principal: Principal): void {
    const verifier = this.#verifierOf.get(principal);
    if (!verifier) throw new TypeError('this principal was not verified here');
    verifier.recheck(principal);
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
    this.neverIssued.count();
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

  async #verified(verify: () => Promise<Principal>): Promise<Principal> {
    try {
      return await verify();
    } catch (error) {
      if (!(error instanceof TokenRejected) || error.code !== 'key_unknown') throw error;
      // Another auth may have begun to use a key that isn't known here yet. Who makes keys up costs a look each time.
      if (!(await this.keys.look())) throw new StoreUnavailable();
      return verify();
    }
  }

  #verifierFor({ id }: Client): TokenVerifier {
    let verifier = this.#verifiers.get(id);
    if (!verifier) {
      verifier = TokenVerifier.create({
        issuers: [this.#issuer([id], () => this.keys.jwks)],
        revocation: this.log,
        verdictCacheSize: REMEMBERED_TOKENS,
      });
      this.#verifiers.set(id, verifier);
    }
    return verifier;
  }

  #issuer(audience: readonly string[], jwks: () => JsonWebKeySet) {
    return { issuer: this.config.ISSUER, audience, algorithms: KEY_ALGORITHMS, jwks };
  }

  /** Of all the keys, which would be imported for one call, the one that is named; or one that isn't. */
  #keyCalled(kid: string | undefined): () => JsonWebKeySet {
    let all: JsonWebKeySet | undefined;
    let one: JsonWebKeySet;
    return () => {
      if (all === this.keys.jwks) return one;
      all = this.keys.jwks;
      const named = all.keys.filter((key) => key.kid === kid);
      const keys = named.length > 0 ? named : all.keys.slice(0, 1);
      return (one = { keys, late_handling_seconds: this.log.lateHandlingSeconds });
    };
  }
}

/** What a token says of itself, none of which is known to be true; of one that says nothing, whom no token is for. */
function claimed(token: string): { readonly kid: string | undefined; readonly audience: readonly string[] } {
  if (token.length > MOST_BYTES) return { kid: undefined, audience: NOBODY };
  try {
    const names = [decodeJwt(token).aud].flat().filter((name) => typeof name === 'string' && name !== '') as string[];
    const audience = names.length > 0 && names.length <= MOST_AUDIENCES ? names : NOBODY;
    return { kid: decodeProtectedHeader(token).kid, audience };
  } catch {
    return { kid: undefined, audience: NOBODY };
  }
}

const NOBODY = ['nobody'];
