import { type AnyAlgorithmName } from './algorithms';
import { TokenRejected } from './refusals';
import { parseStrictObject } from './strict-json';
import { type Members, type RawToken, type UnverifiedToken } from './token-states';

export interface DecodeRules {
  /** What any of the trusted issuers may sign with. */
  readonly algorithms: ReadonlySet<AnyAlgorithmName>;
  /** Size cap of the whole token, in bytes. */
  readonly maxTokenBytes: number;
}

export const MAX_KID_LENGTH = 256;
/** What changes how a token is to be read: nothing here is understood, so nothing here is let through (RFC 7515, 4.1.11). */
export const REFUSED_PARAMETERS = Object.freeze(['crit', 'b64', 'zip', 'enc']);

/**
 * Takes a token apart, and refuses what could be refused without any key: cheap and refusing first.
 *
 * @throws TokenRejected `token_too_large`, `token_malformed`, `alg_not_allowed`, `header_not_allowed`,
 *   `kid_missing`, `claim_missing` and `claim_malformed` (for `iss`)
 */
export function decodeToken(raw: RawToken, rules: DecodeRules): UnverifiedToken {
  if (raw.length > rules.maxTokenBytes) throw new TokenRejected('token_too_large');
  const parts = raw.split('.', 4);
  if (parts.length !== 3) throw new TokenRejected('token_malformed');
  const [headerPart = '', payloadPart = '', signaturePart = ''] = parts;

  const header = headerOf(headerPart);
  // The list comes before anything else that the header says (RFC 8725, section 3.1).
  const { alg, kid } = header;
  if (!isAllowed(alg, rules.algorithms)) throw new TokenRejected('alg_not_allowed', { debug: 'algorithms' });
  for (const name of REFUSED_PARAMETERS) {
    if (Object.hasOwn(header, name)) throw new TokenRejected('header_not_allowed', { debug: name });
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length === 0 || kid.length > MAX_KID_LENGTH)) {
    throw new TokenRejected('kid_missing', { debug: 'kid is not a string of 1 to 256 characters' });
  }

  const claims = jsonObject(payloadPart);
  const { iss } = claims;
  if (iss === undefined) throw new TokenRejected('claim_missing', { debug: 'iss' });
  if (typeof iss !== 'string') throw new TokenRejected('claim_malformed', { debug: 'iss' });

  return {
    raw,
    algorithm: alg,
    header,
    unverifiedIssuer: iss,
    unverifiedClaims: claims,
    signingInput: Buffer.from(raw.slice(0, headerPart.length + 1 + payloadPart.length), 'latin1'),
    // An empty one is refused too, but only after `alg` had its say: "none" is to be called by its name.
    signature: bytes(signaturePart),
  };
}

function isAllowed(alg: unknown, algorithms: ReadonlySet<AnyAlgorithmName>): alg is AnyAlgorithmName {
  return algorithms.has(alg as AnyAlgorithmName);
}

/** What the latest headers say: all tokens of one key have the same. Of the text alone, and nobody's secret. */
const headers = new Map<string, Members>();
const MAX_HEADERS = 64;
const MAX_HEADER_LENGTH = 512;

function headerOf(part: string): Members {
  const known = headers.get(part);
  if (known) return known;
  const header = jsonObject(part);
  if (part.length > MAX_HEADER_LENGTH) return header;
  // Whoever makes up headers without end gets none of them remembered for long, and takes nobody longer than that.
  if (headers.size >= MAX_HEADERS) headers.clear();
  // A copy: a part of a text keeps all of it.
  headers.set(Buffer.from(part, 'latin1').toString('latin1'), header);
  return header;
}

function jsonObject(part: string): Members {
  const value = parseStrictObject(bytes(part));
  if (!value) throw new TokenRejected('token_malformed');
  return value;
}

/** Canonical, unpadded base64url only: two spellings of one token would be two tokens to whoever compares them. */
function bytes(part: string): Buffer {
  const decoded = Buffer.from(part, 'base64url');
  if (decoded.length === 0 || decoded.toString('base64url') !== part) {
    throw new TokenRejected('token_malformed');
  }
  return decoded;
}
