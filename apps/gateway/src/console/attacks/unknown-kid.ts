import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { type Attack } from './attack';
import { partsOf, promoted, signingInput } from './forged-token';
import { withToken } from './with-token';

/** RFC 8725, section 3.10. */
export const unknownKid: Attack = {
  name: 'unknown-kid',
  title: 'A key that the attacker has made',
  explanation:
    'A token with the claims of an operator and a good signature – by a key of the attacker’s own, under a name ' +
    'that the issuer doesn’t publish.',
  why:
    'Keys come from the issuer’s key set alone, and never from a token. For a name that isn’t in it the set is ' +
    'fetched again, but seldom.',
  run(attacker) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { header, claims } = partsOf(attacker.token);
    const forged = { ...header, alg: 'ES256', kid: randomUUID() };
    const input = signingInput({ header: forged, claims: promoted(claims) });
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return withToken(attacker, `${input}.${signature.toString('base64url')}`);
  },
};
