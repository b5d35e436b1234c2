import { type Attack } from './attack';
import { withToken } from './with-token';

/** RFC 8725, section 3.9. */
export const wrongAudience: Attack = {
  name: 'wrong-audience',
  title: 'A token that is meant for another service',
  explanation:
    'A real token of yours for resource, as the gateway gets it by exchange, and as somebody has it who has broken ' +
    'into resource. It is brought back to the front door.',
  why: 'A token counts where its “aud” says, and nowhere else. What is stolen from one service opens no other.',
  async run(attacker) {
    return withToken(attacker, await attacker.supplies.tokenForResource());
  },
};
