import { calculateJwkThumbprint } from 'jose';
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { generateTestKey, generateTestKeys } from './test-key';

describe('generateTestKey', () => {
  it.each(['ES256', 'ES512', 'PS256', 'Ed25519'])('names a key for %s by its thumbprint', async (algorithm) => {
    const { kid, publicJwk } = await generateTestKey(algorithm);
    expect(kid).toBe(await calculateJwkThumbprint({ ...publicJwk }));
  });

  it('never returns the same key, nor for RSA the same pair', async () => {
    const [one, other] = [await generateTestKey('RS256'), await generateTestKey('RS256')];
    expect(one.publicJwk.n).not.toBe(other.publicJwk.n);
  });

  it('says of a private key what is public', async () => {
    const { privateKey, publicJwk } = await generateTestKey();
    expect(privateKey.type).toBe('private');
    expect(
      createPublicKey({ key: { ...publicJwk } as JsonWebKey, format: 'jwk' }).equals(createPublicKey(privateKey)),
    ).toBe(true);
  });
});

describe('generateTestKeys', () => {
  it('makes one pair for all of RSA, and a pair each for the rest', async () => {
    const keys = await generateTestKeys(['RS256', 'PS512', 'ES256', 'EdDSA', 'Ed25519']);
    expect(keys[0]?.publicJwk.n).toBe(keys[1]?.publicJwk.n);
    expect(keys[3]?.publicJwk.x).not.toBe(keys[4]?.publicJwk.x);
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(5);
  });
});
