import { passwordsAtOnce } from './password-capacity';

const MiB = 1024 * 1024;

describe('how many passwords are verified at once', () => {
  it('is two for each core, where nothing limits the memory', () => {
    expect(passwordsAtOnce(1, 0)).toBe(2);
    expect(passwordsAtOnce(64, 0)).toBe(128);
    // What Linux says of a group without a limit.
    expect(passwordsAtOnce(64, 2 ** 64)).toBe(128);
  });

  it('takes a third of what the container may have, at 19 MiB each', () => {
    expect(passwordsAtOnce(64, 384 * MiB)).toBe(6);
    expect(passwordsAtOnce(64, 512 * MiB)).toBe(8);
    expect(passwordsAtOnce(64, 3 * 19 * 7 * MiB)).toBe(7);
    expect(passwordsAtOnce(64, 3 * 19 * 7 * MiB - 1)).toBe(6);
    expect(passwordsAtOnce(2, 512 * MiB)).toBe(4);
  });

  it('is one at least', () => {
    expect(passwordsAtOnce(2, 32 * MiB)).toBe(1);
  });
});
