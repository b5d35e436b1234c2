import { constants, createHmac, type KeyObject, timingSafeEqual, verify, type VerifyKeyObjectInput } from 'node:crypto';

/** Whether a signature over that input is right: the primitive of one algorithm, with one key. */
export type SignatureCheck = (signingInput: Buffer, signature: Buffer) => boolean;

/** How `node:crypto.verify` is to be called for one JWS algorithm, and which keys it takes. */
export interface SignatureAlgorithm {
  /** Hash name for `crypto.verify`; `null` where the algorithm brings its own. */
  readonly hash: string | null;
  /** `KeyObject.asymmetricKeyType` that this algorithm works with. */
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  /** `asymmetricKeyDetails.namedCurve`, for elliptic curve keys. */
  readonly curve?: string;
  /** Extra members for the key argument of `crypto.verify`. */
  readonly verifyOptions: Pick<VerifyKeyObjectInput, 'dsaEncoding' | 'padding' | 'saltLength'>;
}

const row = (algorithm: SignatureAlgorithm): SignatureAlgorithm =>
  Object.freeze({ ...algorithm, verifyOptions: Object.freeze(algorithm.verifyOptions) });

const ecdsa = (hash: string, curve: string) =>
  // JWS signatures are R || S of fixed length, not the DER that OpenSSL defaults to (RFC 7518, section 3.4).
  row({ hash, keyType: 'ec', curve, verifyOptions: { dsaEncoding: 'ieee-p1363' } });
const pkcs1 = (hash: string) => row({ hash, keyType: 'rsa', verifyOptions: { padding: constants.RSA_PKCS1_PADDING } });
const pss = (hash: string, saltLength: number) =>
  // The salt is as long as the hash, exactly (RFC 7518, section 3.5).
  row({ hash, keyType: 'rsa', verifyOptions: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } });
const ed25519 = () => row({ hash: null, keyType: 'ed25519', verifyOptions: {} });

/**
 * Every signature algorithm that can be allowed, by its JWS name (RFC 7518, section 3.1; RFC 8037, section 3.1;
 * RFC 9864, section 2.2). What isn't in this table – `none` above all – can't be put on a list.
 *
 * `EdDSA` and `Ed25519` are two names for one computation, but two algorithms to a key: it is bound to the one
 * that its issuer says.
 */
export const SIGNATURE_ALGORITHMS = Object.freeze({
  ES256: ecdsa('sha256', 'prime256v1'),
  ES384: ecdsa('sha384', 'secp384r1'),
  ES512: ecdsa('sha512', 'secp521r1'),
  RS256: pkcs1('sha256'),
  RS384: pkcs1('sha384'),
  RS512: pkcs1('sha512'),
  PS256: pss('sha256', 32),
  PS384: pss('sha384', 48),
  PS512: pss('sha512', 64),
  EdDSA: ed25519(),
  Ed25519: ed25519(),
});

/** Authentication codes: for a secret that issuer and service share, and never in one policy with signatures. */
export const SHARED_SECRET_ALGORITHMS = Object.freeze({
  HS256: Object.freeze({ hash: 'sha256', bytes: 32 }),
  HS384: Object.freeze({ hash: 'sha384', bytes: 48 }),
  HS512: Object.freeze({ hash: 'sha512', bytes: 64 }),
});

/** A signature algorithm that can be put on the list of an issuer. */
export type AlgorithmName = keyof typeof SIGNATURE_ALGORITHMS;
/** What an issuer with a `sharedSecret` may sign with. */
export type SharedSecretAlgorithmName = keyof typeof SHARED_SECRET_ALGORITHMS;
export type AnyAlgorithmName = AlgorithmName | SharedSecretAlgorithmName;

export function isAlgorithmName(value: unknown): value is AlgorithmName {
  return typeof value === 'string' && Object.hasOwn(SIGNATURE_ALGORITHMS, value);
}

export function isSharedSecretAlgorithmName(value: unknown): value is SharedSecretAlgorithmName {
  return typeof value === 'string' && Object.hasOwn(SHARED_SECRET_ALGORITHMS, value);
}

/** The check for a key that was found fit for the algorithm; put together once for each key. */
export function signatureCheck(algorithm: AlgorithmName, key: KeyObject): SignatureCheck {
  const { hash, verifyOptions } = SIGNATURE_ALGORITHMS[algorithm];
  const input = keyInput(key, verifyOptions);
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  if (modulusLength === undefined) return (signingInput, signature) => verify(hash, signingInput, input, signature);
  // As long as the modulus (RFC 8017, sections 8.1.2 and 8.2.2, step 1): OpenSSL takes PSS without its leading zeros as well.
  const length = Math.ceil(modulusLength / 8);
  return (signingInput, signature) => signature.length === length && verify(hash, signingInput, input, signature);
}

/**
 * The key with its options on it, where `crypto.verify` reads them as well as on an object around it: what such an object
 * is, Node 24 finds out by two errors that it throws and catches, which take a fifth of a verification.
 *
 * PSS has its object: a Node that passed over the options would verify RSA with PKCS #1. For that it is the default, and
 * of ECDSA it would refuse every signature.
 */
function keyInput(key: KeyObject, options: SignatureAlgorithm['verifyOptions']): KeyObject | VerifyKeyObjectInput {
  return options.padding === constants.RSA_PKCS1_PSS_PADDING
    ? Object.freeze({ key, ...options })
    : Object.assign(key, options);
}

export function sharedSecretCheck(algorithm: SharedSecretAlgorithmName, secret: KeyObject): SignatureCheck {
  const { hash } = SHARED_SECRET_ALGORITHMS[algorithm];
  return (signingInput, signature) => {
    const expected = createHmac(hash, secret).update(signingInput).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  };
}
