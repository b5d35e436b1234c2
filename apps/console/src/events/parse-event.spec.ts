import { parseEvent } from './parse-event';

describe('an event of the gateway', () => {
  it('is its JSON by its name', () => {
    expect(parseEvent({ event: 'verified', id: undefined, data: '{"service":"gateway"}' })).toEqual({
      name: 'verified',
      data: { service: 'gateway' },
    });
  });

  it.each([
    [undefined, '{}'],
    ['other', '{}'],
    ['keys', 'no JSON'],
    ['keys', '1'],
    ['keys', 'null'],
    ['keys', '[]'],
  ])('is passed over as %s with %s', (event, data) => {
    expect(parseEvent({ event, id: undefined, data })).toBeUndefined();
  });
});
