import { LRUCache } from 'lru-cache';
import { request } from 'undici';
import { basicAuthorization } from '../core/basic-authorization';
import { TokenRejected, VerifierUnavailable } from '../core/refusals';
import { type DestinationContract, type RelayOptions } from './relay-options';
import { type Signer, signerOf } from './signer-of';

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const TIMEOUT_MS = 3_000;
const MAX_CACHED = 10_000;
const MAX_CACHED_CHARACTERS = 32 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;
/** What can stand behind `Bearer` (RFC 6750, section 2.1). */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

interface Exchanged {
  readonly token: string;
  readonly signer: Signer | undefined;
}

type Endpoint = Pick<RelayOptions, 'tokenEndpoint' | 'clientId' | 'clientSecret'>;

/**
 * Exchanges a token for one that a destination accepts (RFC 8693). What was exchanged is kept until it expires,
 * by token, audience and scope; callers who ask for the same at the same time share one request.
 */
export class TokenExchanger {
  readonly #endpoint: Endpoint;
  readonly #authorization: string;
  readonly #cache = new LRUCache<string, Exchanged>({
    max: MAX_CACHED,
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: ({ token }, key) => token.length + key.length,
  });
  readonly #inFlight = new Map<string, Promise<string>>();

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#authorization = basicAuthorization(endpoint.clientId, endpoint.clientSecret);
  }

  /**
   * What was exchanged before, at once; `undefined` for what `exchange` has to be asked for.
   *
   * @param isRevoked of the key that signed it, so that nobody is called with what is going to be refused
   */
  recall(
    subjectToken: string,
    contract: DestinationContract,
    isRevoked: (signer: Signer) => boolean,
  ): string | undefined {
    const key = keyOf(subjectToken, contract);
    const exchanged = this.#cache.get(key);
    if (!exchanged?.signer || !isRevoked(exchanged.signer)) return exchanged?.token;
    this.#cache.delete(key);
    return undefined;
  }

  /**
   * Asks the issuer, even if there is a token already.
   *
   * @throws TokenRejected `exchange_refused` when the issuer refuses the subject token, `insufficient_scope`
   *   when it holds none of the destination's scopes
   * @throws VerifierUnavailable `exchange_unavailable`
   */
  exchange(subjectToken: string, contract: DestinationContract): Promise<string> {
    const key = keyOf(subjectToken, contract);
    let inFlight = this.#inFlight.get(key);
    if (!inFlight) {
      inFlight = this.#request(subjectToken, contract.audience, contract.scopes.join(' '))
        .then(({ token, expiresIn }) => {
          this.#cache.set(key, { token, signer: signerOf(token) }, { ttl: expiresIn * 1000 });
          return token;
        })
        .finally(() => this.#inFlight.delete(key));
      this.#inFlight.set(key, inFlight);
    }
    return inFlight;
  }

  async #request(subjectToken: string, audience: string, scope: string) {
    const { status, body } = await this.#post(
      new URLSearchParams({
        grant_type: GRANT_TYPE,
        subject_token: subjectToken,
        subject_token_type: ACCESS_TOKEN,
        requested_token_type: ACCESS_TOKEN,
        audience,
        scope,
      }),
    );
    if (status === 200) {
      const { access_token: token, token_type: type, expires_in: expiresIn } = body;
      const usable = typeof token === 'string' && B64TOKEN.test(token) && /^bearer$/i.test(String(type));
      if (usable && typeof expiresIn === 'number' && expiresIn > 0) return { token, expiresIn };
      throw unavailable('the answer holds no bearer token');
    }
    const { error } = body;
    // What the issuer says of the subject token is the caller's matter; all the rest is ours, or its.
    if (status === 400 && error === 'invalid_scope') {
      throw new TokenRejected('insufficient_scope', { requiredScopes: scope.split(' ') });
    }
    if (status === 400 && error === 'invalid_request') throw new TokenRejected('exchange_refused');
    throw unavailable(`answered with status ${status}`);
  }

  async #post(form: URLSearchParams) {
    try {
      const response = await request(this.#endpoint.tokenEndpoint, {
        method: 'POST',
        headers: {
          authorization: this.#authorization,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: form.toString(),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.statusCode, body: await jsonObject(response.body) };
    } catch (cause) {
      throw new VerifierUnavailable('exchange_unavailable', { cause });
    }
  }
}

function keyOf(subjectToken: string, { audience, scopes }: DestinationContract): string {
  return `${audience}\n${scopes.join(' ')}\n${subjectToken}`;
}

/** @throws Error when it is something else, or too large */
async function jsonObject(body: AsyncIterable<Buffer>): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new Error('the answer is no JSON object');
  return value as Record<string, unknown>;
}

function unavailable(debug: string): VerifierUnavailable {
  return new VerifierUnavailable('exchange_unavailable', { debug });
}
