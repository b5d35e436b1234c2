// Each as its documentation recommends it for a service, with the policy of TokenVerifier as far as it has options for that.
import { JwtVerifier } from 'aws-jwt-verify';
import { JwtInvalidSignatureError } from 'aws-jwt-verify/error';
import { createVerifier } from 'fast-jwt';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { type JwtPayload, verify } from 'jsonwebtoken';
import { createPublicKey } from 'node:crypto';
import { type Contender } from '../harness/contender';
import { USERS } from './own';
import { accepting, acceptingLater, refusing, refusingLater, Requests, tokenOf } from './requests';
import { readTokens, type Tokens } from './tokens';

export interface PeerSetting {
  /** Of the tokens. */
  readonly file: string;
  /** Whether their signatures are wrong. */
  readonly garbage: boolean;
}

const publicKey = ({ jwk }: Tokens) => createPublicKey({ key: { ...jwk }, format: 'jwk' });

export function jsonwebtoken({ file, garbage }: PeerSetting): Contender {
  const tokens = readTokens(file);
  const { issuer, audience, algorithm } = tokens;
  if (algorithm === 'EdDSA') throw new Error('jsonwebtoken has no EdDSA');
  const [key, options] = [publicKey(tokens), { issuer, audience, algorithms: [algorithm] }];
  const subject = (authorization: string) => (verify(tokenOf(authorization), key, options) as JwtPayload).sub;
  return garbage
    ? refusing(tokens, subject, ({ message }) => message === 'invalid signature')
    : accepting(tokens.tokens, subject);
}

export function jose({ file, garbage }: PeerSetting): Contender {
  const tokens = readTokens(file);
  const { issuer, audience, algorithm, jwk } = tokens;
  const keys = createLocalJWKSet({ keys: [jwk] });
  const options = { issuer, audience, algorithms: [algorithm], typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'sub'] };
  const subject = async (authorization: string) => (await jwtVerify(tokenOf(authorization), keys, options)).payload.sub;
  return garbage
    ? refusingLater(tokens, subject, ({ code }) => code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    : acceptingLater(Requests.of(tokens.tokens), subject);
}

/** @param setting `cache`: none, by a hash of the token, which is the default, or by the token itself */
export function fastJwt({ file, garbage, cache }: PeerSetting & { cache?: 'hash' | 'token' }): Contender {
  const tokens = readTokens(file);
  const { issuer, audience, algorithm } = tokens;
  const verifier = createVerifier({
    key: publicKey(tokens).export({ format: 'pem', type: 'spki' }),
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: audience,
    checkTyp: 'at+jwt',
    requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
    ...(cache && { cache: 10_000 }),
    ...(cache === 'token' && { cacheKeyBuilder: (token: string) => token }),
  });
  const subject = (authorization: string) => (verifier(tokenOf(authorization)) as { sub: string }).sub;
  if (garbage) return refusing(tokens, subject, ({ code }) => code === 'FAST_JWT_INVALID_SIGNATURE');
  if (!cache) return accepting(tokens.tokens, subject);
  const returning = tokens.tokens.slice(0, USERS);
  for (const token of returning) verifier(token);
  return accepting(returning, subject);
}

export function awsJwtVerify({ file, garbage }: PeerSetting): Contender {
  const tokens = readTokens(file);
  const { issuer, audience, jwk } = tokens;
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri: `${issuer}/jwks.json` });
  verifier.cacheJwks({ keys: [jwk] });
  const subject = async (authorization: string) => (await verifier.verify(tokenOf(authorization))).sub;
  return garbage
    ? refusingLater(tokens, subject, (error) => error instanceof JwtInvalidSignatureError)
    : acceptingLater(Requests.of(tokens.tokens), subject);
}
