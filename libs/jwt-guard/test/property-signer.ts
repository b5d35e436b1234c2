import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { type AlgorithmName } from '../src/core/algorithms';
import { type IssuerOptions } from '../src/core/verifier-options';

export const NOW = 1_800_000_000;
export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'resource';

/** A family of algorithms each; the others differ in the length of a hash. */
export const FAMILIES = ['ES256', 'RS256', 'EdDSA', 'PS256'] as const;
export type Family = (typeof FAMILIES)[number];

const KEYS: Readonly<Record<Family, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

/** An issuer that signs whatever it is given: no library in between that would refuse to. */
export class Signer {
  readonly jwk: JsonWebKey & { kid: string; alg: string };
  readonly #privateKey: KeyObject;

  constructor(readonly algorithm: Family) {
    const { publicKey, privateKey } = KEYS[algorithm]();
    this.jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key-1', alg: algorithm };
    this.#privateKey = privateKey;
  }

  issuer(algorithms: readonly AlgorithmName[] = [this.algorithm]): IssuerOptions {
    return { issuer: ISSUER, audience: AUDIENCE, algorithms, jwks: { keys: [this.jwk] } };
  }

  header(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { alg: this.algorithm, typ: 'at+jwt', kid: this.jwk.kid, ...changes };
  }

  token(claims: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, unknown>> = {}): string {
    return this.sign(JSON.stringify(this.header(header)), JSON.stringify(goodClaims(claims)));
  }

  /** Signs any header and payload at all. */
  sign(header: string, payload: string): string {
    const part = (text: string) => Buffer.from(text).toString('base64url');
    const input = `${part(header)}.${part(payload)}`;
    const signature = sign(this.algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(input), {
      key: this.#privateKey,
      dsaEncoding: 'ieee-p1363',
      ...(this.algorithm === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}),
    });
    return `${input}.${signature.toString('base64url')}`;
  }
}

export function goodClaims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    sub: 'subject',
    aud: AUDIENCE,
    client_id: 'gateway',
    jti: 'token-1',
    scope: 'documents:read',
    iat: NOW,
    exp: NOW + 300,
    ...changes,
  };
}
