import { type RelayHop, type RelayResult } from '../api/types';
import { compareModes, sentModes } from './compare-modes';

const hop = (service: string, rest: Partial<RelayHop> = {}): RelayHop => ({
  service,
  audience: service,
  subject: 'alice',
  actor: [],
  scopes: ['documents:read'],
  kid: 'k',
  alg: 'ES256',
  expiresAt: '2026-11-26T12:00:00.000Z',
  ...rest,
});
const relayed = (to: string, cached: boolean, exchangedInMs: number, mode = 'exchange') => ({
  relayed: { to, mode, cached, exchangedInMs, answeredInMs: 20 },
});

const exchange: RelayResult = {
  mode: 'exchange',
  hops: [
    hop('gateway', relayed('resource', true, 0.5)),
    hop('resource', relayed('audit', false, 7)),
    hop('audit', { actor: ['resource', 'gateway'] }),
  ],
};
const forward: RelayResult = {
  mode: 'forward',
  hops: [hop('gateway', relayed('resource', true, 0.01, 'forward'))],
  refusal: { status: 503, code: 'relay_token_refused' },
};

describe('the modes side by side', () => {
  const values = (label: string) => compareModes([exchange, forward]).find((row) => row.label === label)?.values;

  it.each([
    ['Came to', ['audit', 'refused: relay_token_refused']],
    ['Time for tokens', ['7.5 ms', 'none']],
    ['Call to the next service', ['20 ms', '20 ms']],
    ['Tokens at hand', ['1 of 2', 'none got']],
    ['Last service: audience', ['audit', '–']],
    ['Last service: who acts', ['resource, gateway', '–']],
    ['Last service: scopes', ['documents:read', '–']],
  ])('%s: %j', (label, expected) => {
    expect(values(label)).toEqual(expected);
  });

  it('are those that were tried, in the order of the switch', () => {
    const results = { exchange, forward } as const;
    const resultOf = (mode: string) => (mode === 'transaction' ? undefined : results[mode as keyof typeof results]);
    expect(sentModes(['forward', 'transaction', 'exchange'], resultOf)).toEqual([forward, exchange]);
  });
});
