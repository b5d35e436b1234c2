import { constants, type SignKeyObjectInput } from 'node:crypto';

/** How `node:crypto.verify` is to be called for one JWS algorithm, and which keys it takes. */
export interface SignatureAlgorithm {
  /** Hash name for `crypto.verify`; `null` where the algorithm brings its own. */
  readonly hash: string | null;
  /** `KeyObject.asymmetricKeyType` that this algorithm works with. */
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  /** `asymmetricKeyDetails.namedCurve`, for elliptic curve keys. */
  readonly curve?: string;
  /** Extra members for the key argument of `crypto.verify`. */
  readonly verifyOptions: Pick<SignKeyObjectInput, 'dsaEncoding' | 'padding' | 'saltLength'>;
}

const row = (algorithm: SignatureAlgorithm): SignatureAlgorithm =>
  Object.freeze({ ...algorithm, verifyOptions: Object.freeze(algorithm.verifyOptions) });

/**
 * Every signature algorithm that can be allowed, by its JWS name (RFC 7518, section 3.1; RFC 8037).
 * What isn't in this table – `none` and every symmetric one among them – can't be put on a list.
 */
export const SIGNATURE_ALGORITHMS = Object.freeze({
  ES256: row({
    hash: 'sha256',
    keyType: 'ec',
    curve: 'prime256v1',
    // JWS signatures are R || S of fixed length, not the DER that OpenSSL defaults to (RFC 7518, 3.4).
    verifyOptions: { dsaEncoding: 'ieee-p1363' },
  }),
  RS256: row({
    hash: 'sha256',
    keyType: 'rsa',
    verifyOptions: { padding: constants.RSA_PKCS1_PADDING },
  }),
  PS256: row({
    hash: 'sha256',
    keyType: 'rsa',
    // The salt is as long as the hash, exactly (RFC 7518, 3.5).
    verifyOptions: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  }),
  EdDSA: row({ hash: null, keyType: 'ed25519', verifyOptions: {} }),
});

/** An algorithm that can be put on the list of an issuer. */
export type AlgorithmName = keyof typeof SIGNATURE_ALGORITHMS;

export function isAlgorithmName(value: unknown): value is AlgorithmName {
  return typeof value === 'string' && Object.hasOwn(SIGNATURE_ALGORITHMS, value);
}
