import { type Attack } from './attack';
import { partsOf, promoted, signingInput } from './forged-token';
import { withToken } from './with-token';

export const tamperedClaims: Attack = {
  name: 'tampered-claims',
  title: 'Claims that were changed',
  explanation: 'A good token, in which the scopes of an operator were written; its signature is left as it was.',
  why:
    'The signature is made over every letter of header and claims: over others it is wrong, and nothing of them is ' +
    'read.',
  run(attacker) {
    const { header, claims, signature } = partsOf(attacker.token);
    return withToken(attacker, `${signingInput({ header, claims: promoted(claims) })}.${signature}`);
  },
};
