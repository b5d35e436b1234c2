import { type RelayMode } from '../api/types';

/** What each way to call the next service is, and what it costs. */
export const MODE_WORDS: Readonly<Record<RelayMode, { readonly name: string; readonly does: string }>> = {
  exchange: {
    name: 'Exchange',
    does: 'Each service gets a token of its own: for its audience, with what it needs at most, and with everybody who acts for the user. Auth is asked once per user and destination.',
  },
  transaction: {
    name: 'Transaction',
    does: 'What was asked for at the edge goes unchanged through the whole chain, in a signed transaction token. Beside it each caller shows a token of its own.',
  },
  forward: {
    name: 'Forward',
    does: 'The user’s own token goes on as it is. Fast, and dangerous: whoever breaks into one service can do at every other what the user can.',
  },
};
