import { parseEvent } from './parse-event';

describe('an event of the gateway', () => {
  it('is its JSON by its name', () => {
    expect(parseEvent({ name: 'verified', data: '{"service":"gateway"}' })).toEqual({
      name: 'verified',
      data: { service: 'gateway' },
    });
  });

  it.each([
    ['message', '{}'],
    ['keys', 'no JSON'],
    ['keys', '1'],
    ['keys', 'null'],
    ['keys', '[]'],
  ])('is passed over as %s with %s', (name, data) => {
    expect(parseEvent({ name, data })).toBeUndefined();
  });
});
