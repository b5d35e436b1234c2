import { TestClock, TestIssuer } from '@token-relay/testing';
import { createPublicKey, randomUUID } from 'node:crypto';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'documents';

/** Longer than a run takes; what JwtGuard accepts at most. */
const LIFETIME_SECONDS = 900;

/** Who asks, in what follows `Authorization: `. */
export class Credentials {
  private constructor(private readonly issuer: TestIssuer) {}

  static async create(): Promise<Credentials> {
    return new Credentials(
      await TestIssuer.create({ issuer: ISSUER, audience: AUDIENCE, algorithm: 'ES256', clock: new TestClock() }),
    );
  }

  /** What whoever has to accept them has to know. */
  get trusted() {
    const { jwks, key } = this.issuer;
    const pem = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    return { issuer: ISSUER, audience: AUDIENCE, jwks, pem: pem.toString() };
  }

  /** As many good tokens, each of another user. */
  many(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => this.of(randomUUID())));
  }

  of(subject: string): Promise<string> {
    return this.#bearer({ sub: subject });
  }

  /** Those that everybody has to refuse, by what is wrong with them. */
  async bad(): Promise<Readonly<Record<string, string>>> {
    const now = this.issuer.clock.now();
    const [good, other] = await Promise.all([this.of(randomUUID()), this.of(randomUUID())]);
    return {
      'the signature of another': good.slice(0, good.lastIndexOf('.')) + other.slice(other.lastIndexOf('.')),
      'another issuer': await this.#bearer({ iss: 'https://other.example' }),
      'another audience': await this.#bearer({ aud: 'invoices' }),
      'over for a minute': await this.#bearer({ iat: now - 360, exp: now - 60 }),
    };
  }

  async #bearer(claims: Record<string, unknown>): Promise<string> {
    const now = this.issuer.clock.now();
    const user = { sub: randomUUID(), jti: randomUUID(), sid: randomUUID(), sub_epoch: 0 };
    return `Bearer ${await this.issuer.token({ ...user, iat: now, exp: now + LIFETIME_SECONDS, ...claims })}`;
  }
}
