import { forwardedFor } from './forwarded';

describe('forwardedFor', () => {
  it.each([
    ['192.0.2.1', 'for=192.0.2.1'],
    ['192.0.2.1:443', 'for=192.0.2.1'],
    ['2001:db8::1', 'for="[2001:db8::1]"'],
    ['[2001:db8::1]', 'for="[2001:db8::1]"'],
    ['[2001:db8::1]:443', 'for="[2001:db8::1]"'],
    ['::ffff:192.0.2.1', 'for="[::ffff:192.0.2.1]"'],
    ['fe80::1%eth0', 'for="[fe80::1]"'],
  ])('says that it is for %s: %s', (address, forwarded) => {
    expect(forwardedFor(address)).toBe(forwarded);
  });

  it.each([undefined, '', 'unknown', 'x', '192.0.2.1, 192.0.2.2', '192.0.2.1"', '[x]', '_hidden', '1.2.3', '[::1'])(
    'says of %p that it is unknown',
    (address) => {
      expect(forwardedFor(address)).toBe('for=unknown');
    },
  );
});
