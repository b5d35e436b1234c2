import { type Attack } from './attack';
import { withToken } from './with-token';

export const expired: Attack = {
  name: 'expired',
  title: 'A token from before',
  explanation:
    'Your token as it would be some minutes after its end: signed by auth, right in everything, and too old.',
  why: 'The time is looked at on every call, for tokens that were verified before too, with a tolerance of seconds.',
  async run(attacker) {
    return withToken(attacker, await attacker.supplies.expiredToken(attacker.token, attacker.signal));
  },
};
