import { type AlgorithmName } from './algorithms';
import { TokenRejected } from './refusals';
import { type RawToken, type UnverifiedToken } from './token-states';

export interface DecodeRules {
  /** What any of the trusted issuers may sign with. */
  readonly algorithms: ReadonlySet<AlgorithmName>;
  /** Size cap of the whole token, in bytes. */
  readonly maxTokenBytes: number;
}

/** An empty signature is refused too, but only after `alg` had its say: "none" is to be called by its name. */
const THREE_PARTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)$/;
const MAX_KID_LENGTH = 256;
/** The only header parameters there can be: what isn't understood here, or could lead to another key, is refused. */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'jwk', 'x5c'];
/** `typ` of RFC 9068, section 2.1; without a "/" it is short for `application/…` (RFC 7515, section 4.1.9). */
const ACCESS_TOKEN_TYPES = new Set(['at+jwt', 'application/at+jwt']);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes a token apart, and refuses what could be refused without any key: cheap and refusing first.
 *
 * @throws TokenRejected `token_too_large`, `token_malformed`, `alg_not_allowed`, `header_not_allowed`,
 *   `typ_not_allowed`, `kid_missing`
 */
export function decodeToken(raw: RawToken, rules: DecodeRules): UnverifiedToken {
  if (raw.length > rules.maxTokenBytes) throw new TokenRejected('token_too_large');
  const [, headerPart = '', payloadPart = '', signaturePart = ''] = THREE_PARTS.exec(raw) ?? [];

  const header = jsonObject(headerPart);
  // The list comes before anything else that the header says (RFC 8725, section 3.1).
  const { alg, kid, typ } = header;
  if (!isAllowed(alg, rules.algorithms)) throw new TokenRejected('alg_not_allowed');
  for (const name of REFUSED_PARAMETERS) {
    if (Object.hasOwn(header, name)) throw new TokenRejected('header_not_allowed', { debug: name });
  }
  if (typeof typ !== 'string' || !ACCESS_TOKEN_TYPES.has(typ.toLowerCase())) {
    throw new TokenRejected('typ_not_allowed');
  }
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > MAX_KID_LENGTH) {
    throw new TokenRejected('kid_missing');
  }

  const claims = jsonObject(payloadPart);
  const { iss } = claims;
  if (typeof iss !== 'string') throw new TokenRejected('claim_missing', { debug: 'iss' });

  return {
    algorithm: alg,
    kid,
    unverifiedIssuer: iss,
    unverifiedClaims: claims,
    signingInput: Buffer.from(raw.slice(0, headerPart.length + 1 + payloadPart.length), 'latin1'),
    signature: bytes(signaturePart),
  };
}

function isAllowed(alg: unknown, algorithms: ReadonlySet<AlgorithmName>): alg is AlgorithmName {
  return algorithms.has(alg as AlgorithmName);
}

function jsonObject(part: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes(part)));
  } catch (cause) {
    if (cause instanceof TokenRejected) throw cause;
    // The cause would quote the token: it is dropped on purpose.
    throw new TokenRejected('token_malformed');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenRejected('token_malformed');
  }
  return value as Record<string, unknown>;
}

/** Canonical, unpadded base64url only: two spellings of one token would be two tokens to whoever compares them. */
function bytes(part: string): Buffer {
  const decoded = Buffer.from(part, 'base64url');
  if (decoded.length === 0 || decoded.toString('base64url') !== part) {
    throw new TokenRejected('token_malformed');
  }
  return decoded;
}
