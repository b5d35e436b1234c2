import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { calculateJwkThumbprint, CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

export type Claims = Record<string, unknown>;
export type Header = Record<string, unknown>;

/** One signing key of a `TestIssuer`. */
export interface TestKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly publicJwk: JWK;
  readonly privateKey: CryptoKey;
}

/** The clock of a test, in seconds since 1970-01-01T00:00:00Z; stands still until it is moved. */
export class TestClock {
  constructor(public seconds = 1_800_000_000) {}

  readonly now = (): number => this.seconds;

  advance(seconds: number): void {
    this.seconds += seconds;
  }
}

export async function generateTestKey(algorithm = 'ES256'): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, algorithm, privateKey, publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' } };
}

export interface TestIssuerOptions {
  readonly issuer?: string;
  readonly audience?: string;
  readonly algorithm?: string;
  readonly clock?: TestClock;
}

/** Issues access tokens for tests, right by default and wrong in every way that a test asks for. */
export class TestIssuer {
  private constructor(
    readonly issuer: string,
    readonly audience: string,
    readonly clock: TestClock,
    readonly key: TestKey,
  ) {}

  static async create(options: TestIssuerOptions = {}): Promise<TestIssuer> {
    const { issuer = 'https://issuer.test', audience = 'resource', clock = new TestClock() } = options;
    return new TestIssuer(issuer, audience, clock, await generateTestKey(options.algorithm));
  }

  get jwks(): { keys: (JWK & Record<string, unknown>)[] } {
    return { keys: [{ ...this.key.publicJwk }] };
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

  /** A signed token with these claims and header parameters; `undefined` leaves one out. */
  token(claims: Claims = {}, header: Header = {}, key: TestKey = this.key): Promise<string> {
    return this.sign(JSON.stringify(this.claims(claims)), header, key);
  }

  /** Signs any payload at all. */
  sign(payload: string, header: Header = {}, key: TestKey = this.key): Promise<string> {
    return new CompactSign(Buffer.from(payload))
      .setProtectedHeader({
        alg: key.algorithm,
        typ: 'at+jwt',
        kid: key.kid,
        ...header,
      })
      .sign(key.privateKey);
  }
}

/** A JWKS endpoint on 127.0.0.1 whose answers a test can change, and count. */
export class JwksServer {
  /** What is answered; a string is sent as it stands. */
  body: unknown;
  status = 200;
  headers: Record<string, string> = {};
  /** Doesn't answer at all while true. */
  hangs = false;
  /** How long an answer takes. */
  delayMs = 0;
  requests = 0;
  /** Headers of the request that came last. */
  lastHeaders: IncomingHttpHeaders = {};
  readonly #server: Server;

  private constructor(body: unknown) {
    this.body = body;
    this.#server = createServer((request, response) => {
      this.requests++;
      this.lastHeaders = request.headers;
      if (this.hangs) return;
      const answer = () => {
        response.writeHead(this.status, { 'content-type': 'application/jwk-set+json', ...this.headers });
        response.end(body);
      };
      // What it is when it is asked, whenever the answer arrives.
      const body = typeof this.body === 'string' ? this.body : JSON.stringify(this.body);
      if (this.delayMs > 0) setTimeout(answer, this.delayMs);
      else answer();
    });
  }

  static async start(body: unknown): Promise<JwksServer> {
    const server = new JwksServer(body);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
