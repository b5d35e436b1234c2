import { type RelayHop, type RelayResult } from '../api/types';
import { refusedBy } from './refused-by';

const gateway: RelayHop = {
  service: 'gateway',
  audience: 'gateway',
  subject: 'alice',
  actor: [],
  scopes: [],
  kid: 'k',
  alg: 'ES256',
  expiresAt: '2026-11-26T12:00:00.000Z',
};
const called = { to: 'resource', mode: 'forward', cached: true, exchangedInMs: 0 };
const refusal = { status: 503, code: 'relay_token_refused' };
const result = (rest: Partial<RelayHop>): RelayResult => ({ mode: 'forward', hops: [{ ...gateway, ...rest }] });

describe('who refused the call', () => {
  it.each<[string, RelayResult, string | undefined]>([
    ['is the service that answered', { ...result({ relayed: { ...called, answeredInMs: 3 } }), refusal }, 'resource'],
    [
      'is the service that answered, by its name',
      { ...result({ relayed: { ...called, answeredInMs: 3 } }), refusal: { ...refusal, hop: 'resource' } },
      'resource',
    ],
    [
      'is no service that answered of another',
      { ...result({ relayed: { ...called, answeredInMs: 3 } }), refusal: { ...refusal, hop: 'audit' } },
      undefined,
    ],
    ['is no service that hasn’t answered', { ...result({ relayed: called }), refusal }, undefined],
    ['is no service that wasn’t called', { ...result({}), refusal }, undefined],
    ['is nobody where nothing was refused', result({ relayed: { ...called, answeredInMs: 3 } }), undefined],
  ])('%s', (_fact, of, service) => {
    expect(refusedBy(of)).toBe(service);
  });
});
