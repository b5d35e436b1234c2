import { type Attack } from './attack';
import { partsOf, promoted, signingInput } from './forged-token';
import { withToken } from './with-token';

/** RFC 8725, section 2.1. */
export const algNone: Attack = {
  name: 'alg-none',
  title: 'A token without a signature',
  explanation:
    'The header says “alg”: “none”, the claims say operator, and there is no signature. A verifier that believes ' +
    'the header has nothing to check.',
  why: 'Which algorithms count is configured here, and is asked before any key is looked up. “none” is never among them.',
  run(attacker) {
    const { header, claims } = partsOf(attacker.token);
    const input = signingInput({ header: { ...header, alg: 'none' }, claims: promoted(claims) });
    return withToken(attacker, `${input}.`);
  },
};
