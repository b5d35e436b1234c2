import { TestClock } from './test-clock';
import { generateTestKeys, type PublicJwk, signatureOf, type TestKey } from './test-key';

export type Claims = Record<string, unknown>;
export type Header = Record<string, unknown>;

export interface TestIssuerOptions {
  readonly issuer?: string;
  readonly audience?: string;
  /** Default: ES256. */
  readonly algorithm?: string;
  /** Several algorithms, with a key for each; takes the place of `algorithm`. */
  readonly algorithms?: readonly string[];
  /** Keys that were made before, as one that is rotated in next to another; takes the place of `algorithms`. */
  readonly keys?: readonly TestKey[];
  readonly clock?: TestClock;
}

/** Issues access tokens for tests, right by default and wrong in every way that a test asks for. */
export class TestIssuer {
  /** What is signed with unless a test says otherwise: the first of `keys`. */
  readonly key: TestKey;

  private constructor(
    readonly issuer: string,
    readonly audience: string,
    readonly clock: TestClock,
    readonly keys: readonly TestKey[],
  ) {
    const [first] = keys;
    if (!first) throw new TypeError('keys: an issuer needs at least one');
    this.key = first;
  }

  /** @throws TypeError for an algorithm that is none of `TEST_ALGORITHMS`, and for an empty list */
  static async create(options: TestIssuerOptions = {}): Promise<TestIssuer> {
    const { issuer = 'https://issuer.test', audience = 'resource', clock = new TestClock() } = options;
    const { algorithm = 'ES256', algorithms = [algorithm] } = options;
    return new TestIssuer(issuer, audience, clock, options.keys ?? (await generateTestKeys(algorithms)));
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
