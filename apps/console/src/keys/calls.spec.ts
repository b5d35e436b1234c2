import { callsNoted, NO_CALLS } from './calls';

describe('the calls that go on while keys change', () => {
  it('count, with the key of each service’s token, which stands once until it is another', () => {
    const once = callsNoted(NO_CALLS, [
      ['gateway', 'a'],
      ['resource', 'a'],
    ]);
    const twice = callsNoted(once, [
      ['gateway', 'a'],
      ['resource', 'b'],
    ]);
    expect(twice).toEqual({
      answered: 2,
      failed: 0,
      services: [
        { service: 'gateway', kids: ['a'] },
        { service: 'resource', kids: ['a', 'b'] },
      ],
    });
  });

  it('count those that failed apart, and keep what was known', () => {
    const known = callsNoted(NO_CALLS, [['gateway', 'a']]);
    expect(callsNoted(known, [])).toEqual({ ...known, failed: 1 });
  });

  it('keep the last four keys of a service', () => {
    const kids = ['a', 'b', 'c', 'd', 'e'];
    const calls = kids.reduce((before, kid) => callsNoted(before, [['gateway', kid]]), NO_CALLS);
    expect(calls.services).toEqual([{ service: 'gateway', kids: ['b', 'c', 'd', 'e'] }]);
  });
});
