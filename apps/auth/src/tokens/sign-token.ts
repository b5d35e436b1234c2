import { type JWTPayload, SignJWT } from 'jose';
import { type SigningKey } from '../keys/signing-keys';

/** What every token of this issuer says. */
export interface TokenClaims extends JWTPayload {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
}

/** @param typ what kind of token it is: nobody takes one kind for another */
export function signToken(key: SigningKey, typ: 'at+jwt' | 'txntoken+jwt', claims: TokenClaims): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.algorithm, typ, kid: key.kid }).sign(key.privateKey);
}
