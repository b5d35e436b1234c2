import { TestClock } from './test-clock';
import { generateTestKeys, type PublicJwk, signatureOf, type TestKey } from './test-key';

export type Claims = Record<string, unknown>;
export type Header = Record<string, unknown>;

export interface TestIssuerOptions {
  readonly issuer?: string;
  readonly audience?: string;
  /** The domain that its transaction tokens are for. Default: trust-domain.test. */
  readonly trustDomain?: string;
  /** Default: ES256. */
  readonly algorithm?: string;
  /** Several algorithms, with a key for each; takes the place of `algorithm`. */
  readonly algorithms?: readonly string[];
  /** Keys that were made before, as one that is rotated in next to another; takes the place of `algorithms`. */
  readonly keys?: readonly TestKey[];
  readonly clock?: TestClock;
}

/** Issues access tokens, and transaction tokens, for tests, right by default and wrong in every way that a test asks for. */
export class TestIssuer {
  /** What is signed with unless a test says otherwise: the first of `keys`. */
  readonly key: TestKey;

  private constructor(
    readonly issuer: string,
    readonly audience: string,
    readonly clock: TestClock,
    readonly keys: readonly TestKey[],
    readonly trustDomain: string,
  ) {
    const [first] = keys;
    if (!first) throw new TypeError('keys: an issuer needs at least one');
    this.key = first;
  }

  /** @throws TypeError for an algorithm that is none of `TEST_ALGORITHMS`, and for an empty list */
  static async create(options: TestIssuerOptions = {}): Promise<TestIssuer> {
    const { issuer = 'https://issuer.test', audience = 'resource', clock = new TestClock() } = options;
    const { algorithm = 'ES256', algorithms = [algorithm], trustDomain = 'trust-domain.test' } = options;
    const keys = options.keys ?? (await generateTestKeys(algorithms));
    return new TestIssuer(issuer, audience, clock, keys, trustDomain);
  }

  /** All public keys, in an object that a test may change. */
  get jwks(): { keys: PublicJwk[] } {
    return { keys: this.keys.map(({ publicJwk }) => ({ ...publicJwk })) };
  }

  /** The claims of a good token, with those that are given in their place; `undefined` leaves one out. */
  claims(overrides: Claims = {}): Claims {
    const now = this.clock.now();
    return {
      iss: this.issuer,
      sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
      aud: this.audience,
      client_id: 'gateway',
      jti: 'token-1',
      scope: 'documents:read documents:write',
      iat: now,
      exp: now + 300,
      ...overrides,
    };
  }

  /** The header of a good token, with what is given in its place; `undefined` leaves a parameter out. */
  header(overrides: Header = {}, key: TestKey = this.key): Header {
    return { alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...overrides };
  }

  /** A signed token with these claims and header parameters; `undefined` leaves one out. */
  token(claims: Claims = {}, header: Header = {}, key: TestKey = this.key): Promise<string> {
    return this.sign(JSON.stringify(this.claims(claims)), header, key);
  }

  /** A token that a service – a client by that name – has been given for itself, with the scopes that are given. */
  serviceToken(client = 'gateway', claims: Claims = {}): Promise<string> {
    return this.token({ sub: client, client_id: client, jti: `of-${client}`, scope: undefined, ...claims });
  }

  /** The claims of a good transaction token, with those that are given in their place; `undefined` leaves one out. */
  transactionClaims(overrides: Claims = {}): Claims {
    const now = this.clock.now();
    return {
      iss: this.issuer,
      aud: this.trustDomain,
      sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
      txn: '97053963-771d-49cc-a4e3-20aad399c312',
      scope: 'documents:read documents:write',
      req_wl: 'gateway',
      tctx: { document: '1' },
      rctx: { req_ip: '192.0.2.1' },
      sid: '08a5019c-17e1-4977-8f42-65a12843ea02',
      sub_epoch: 0,
      origin_jti: 'token-1',
      origin_kid: this.key.kid,
      origin_iat: now,
      iat: now,
      exp: now + 60,
      ...overrides,
    };
  }

  /** The same for its header. */
  transactionHeader(overrides: Header = {}, key: TestKey = this.key): Header {
    return this.header({ typ: 'txntoken+jwt', ...overrides }, key);
  }

  /** A signed transaction token (draft-ietf-oauth-transaction-tokens); `undefined` leaves a claim or parameter out. */
  transactionToken(claims: Claims = {}, header: Header = {}, key: TestKey = this.key): Promise<string> {
    return this.sign(JSON.stringify(this.transactionClaims(claims)), this.transactionHeader(header, key), key);
  }

  /** Signs any payload at all. */
  sign(payload: string, header: Header = {}, key: TestKey = this.key): Promise<string> {
    return Promise.resolve(this.signRaw(JSON.stringify(this.header(header, key)), payload, key));
  }

  /**
   * Signs any two things as header and payload, be they JSON or not. The key alone says how it is signed: a header
   * can lie about it.
   */
  signRaw(header: string | Uint8Array, payload: string | Uint8Array, key: TestKey = this.key): string {
    const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
    return `${input}.${signatureOf(input, key).toString('base64url')}`;
  }
}
