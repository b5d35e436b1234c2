import { type ConsoleEvent } from '../api/types';
import { eventWords } from './event-words';
import { momentOf } from './time-words';

describe('an event in words', () => {
  it.each<[string, ConsoleEvent]>([
    ['gateway took a token in 0.4 ms', { name: 'verified', data: { service: 'gateway', ms: 0.4 } }],
    [
      'gateway refused a token (token_expired)',
      { name: 'verified', data: { service: 'gateway', code: 'token_expired' } },
    ],
    ['gateway took a token, which it knew already', { name: 'verified', data: { service: 'gateway', cached: true } }],
    [
      'a token for resource: cached',
      { name: 'exchange', data: { destination: 'resource', mode: 'exchange', outcome: 'cached' } },
    ],
    [
      'the user’s own token goes on to resource',
      { name: 'exchange', data: { destination: 'resource', mode: 'forward', outcome: 'cached' } },
    ],
    ['called resource in 12 ms', { name: 'called', data: { destination: 'resource', ms: 12 } }],
    ['the gateway takes 2 keys', { name: 'keys', data: { service: 'gateway', kids: ['a', 'b'] } }],
    ['revoked: a session abcd1234…', { name: 'revoked', data: { kind: 'sid', id: 'abcd1234', heard: {} } }],
    [
      `revoked: all that was issued before ${momentOf(new Date('2026-01-01T00:00:00.000Z'))}`,
      { name: 'revoked', data: { kind: 'all', id: '2026-01-01T00:00:00.000Z', heard: {} } },
    ],
    ['revoked: other abcd1234…', { name: 'revoked', data: { kind: 'other', id: 'abcd1234', heard: {} } }],
    ['3 more events came, too many to show', { name: 'missed', data: { events: 3 } }],
  ])('is: %s', (words, event) => {
    expect(eventWords(event)).toBe(words);
  });
});
