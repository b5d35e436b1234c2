import { TestClock } from '@token-relay/testing';
import { SignJWT } from 'jose';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { TokenRejected } from './refusals';
import { TokenVerifier } from './token-verifier';
import { type SharedSecretAlgorithmName } from './algorithms';

const ISSUER = 'https://issuer.test';
const PUBLIC_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

function verifierFor(sharedSecret: unknown, algorithm: SharedSecretAlgorithmName = 'HS256', more: object = {}) {
  return TokenVerifier.create({
    issuers: [
      { issuer: ISSUER, audience: 'resource', algorithms: [algorithm], sharedSecret: sharedSecret as string, ...more },
    ],
    now: new TestClock().now,
  });
}

function signed(secret: Uint8Array, header: object, claims: object = {}): Promise<string> {
  const iat = new TestClock().now();
  return new SignJWT({
    client_id: 'c',
    jti: 'j',
    iss: ISSUER,
    sub: 's',
    aud: 'resource',
    iat,
    exp: iat + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
    .sign(secret);
}

describe('sharedSecret', () => {
  it.each([
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const)('verifies %s, with a kid or without, and takes no key shorter than its hash', async (alg, bytes) => {
    const secret = randomBytes(bytes);
    const verifier = verifierFor(secret, alg);
    expect(await verifier.verify(await signed(secret, { alg }))).toMatchObject({ subject: 's', algorithm: alg });
    expect(await verifier.verify(await signed(secret, { alg, kid: 'any' }))).toMatchObject({ subject: 's' });
    await expect(verifier.verify(await signed(randomBytes(bytes), { alg }))).rejects.toMatchObject({
      code: 'signature_invalid',
    });
    expect(() => verifierFor(secret.subarray(1), alg)).toThrow(TypeError);
  });

  it('takes a text as its UTF-8 bytes', async () => {
    const text = randomBytes(32).toString('base64url');
    const principal = await verifierFor(text).verify(await signed(Buffer.from(text), {}));
    expect(principal.subject).toBe('s');
  });

  it.each([
    ['32 random bytes', randomBytes(32)],
    ['random bytes that begin like JSON', Buffer.concat([Buffer.from('{'), randomBytes(32)])],
    ['random bytes that begin like a list', Buffer.concat([Buffer.from('['), randomBytes(32)])],
    ['random letters, half of them capitals', 'QmxrTBvKdJwPzHsYnCfLgEaUoXiRtDbMqWkZpVhSyNcGjFeAlIuT'],
    ['32 random bytes in hex', randomBytes(32).toString('hex')],
    ['32 random bytes in base64', randomBytes(32).toString('base64')],
  ])('takes %s', (_name, secret) => {
    expect(() => verifierFor(secret)).not.toThrow();
  });

  it.each([
    ['nothing', ''],
    ['31 bytes', randomBytes(31)],
    ['16 random bytes in hex: 32 characters', randomBytes(16).toString('hex')],
    ['24 random bytes in base64: 32 characters', randomBytes(24).toString('base64')],
    ['one letter, again and again', 'a'.repeat(64)],
    ['a few letters, again and again', 'aB3$'.repeat(20)],
    ['zeros', Buffer.alloc(64)],
    ['what stands on jwt.io', 'a-string-secret-at-least-256-bits-long'],
    ['what stood on jwt.io', 'your-256-bit-secret-your-256-bit-secret-your-256'],
    ['what is to be changed', `change-me-${randomBytes(32).toString('hex')}`],
    [
      'the key of RFC 7515, A.1',
      'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    ],
    [
      'the bytes of the key of RFC 7515, A.1',
      Buffer.from(
        'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
        'base64url',
      ),
    ],
    ['bytes that count up', Buffer.from(Array.from({ length: 64 }, (_, i) => i))],
    ['bytes that count down', Buffer.from(Array.from({ length: 64 }, (_, i) => 200 - 3 * i))],
    ['a sentence', 'the quick brown fox jumps over the lazy dog, and then 99 more of them'],
    ['words without spaces', 'thisIsMyJwtSigningKeyPleaseDontShareItWithAnyone'],
    ['a public key in PEM', PUBLIC_KEY.export({ format: 'pem', type: 'spki' })],
    ['a public key in DER', PUBLIC_KEY.export({ format: 'der', type: 'spki' })],
    ['a public key in PKCS #1', PUBLIC_KEY.export({ format: 'der', type: 'pkcs1' })],
    ['a public key as a JWK', JSON.stringify(PUBLIC_KEY.export({ format: 'jwk' }))],
    ['a number', 5],
    ['null', null],
    ['the alphabet', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'],
  ])('refuses to start with %s, and does not show it', (_name, secret) => {
    expect(() => verifierFor(secret)).toThrow(TypeError);
    expect(() => verifierFor(secret)).toThrow(/^sharedSecret: /);
    const shown = String(secret).slice(0, 12);
    if (shown.length === 12) expect(() => verifierFor(secret)).not.toThrow(shown);
  });

  it.each([
    ['together with a JWKS', ['HS256'], { jwks: { keys: [] } }],
    ['for two algorithms', ['HS256', 'HS512'], {}],
    ['for a signature algorithm', ['ES256'], {}],
    ['for both kinds', ['HS256', 'ES256'], {}],
  ])('refuses a secret %s', (_name, algorithms, more) => {
    expect(() => verifierFor(randomBytes(64), 'HS256', { ...more, algorithms })).toThrow(TypeError);
  });

  it('is the only way to allow an authentication code', () => {
    const issuer = { issuer: ISSUER, audience: 'resource', algorithms: ['HS256'], jwksUri: 'https://issuer.test/jwks' };
    expect(() => TokenVerifier.create({ issuers: [issuer as never] })).toThrow(/algorithms/);
  });

  it('keeps authentication codes out of the policies of other issuers', async () => {
    const secret = randomBytes(32);
    const both = TokenVerifier.create({
      issuers: [
        { issuer: ISSUER, audience: 'resource', algorithms: ['HS256'], sharedSecret: secret },
        {
          issuer: 'https://other.test',
          audience: 'resource',
          algorithms: ['ES256'],
          jwksUri: 'https://other.test/jwks',
        },
      ],
      now: new TestClock().now,
    });
    const foreign = await signed(secret, {}, { iss: 'https://other.test' });
    await expect(both.verify(foreign)).rejects.toMatchObject({ code: 'alg_not_allowed' });
    await expect(both.verify(foreign)).rejects.toBeInstanceOf(TokenRejected);
  });
});
