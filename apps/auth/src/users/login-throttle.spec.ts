import { createHash } from 'node:crypto';
import { LoginThrottle } from './login-throttle';
import { countersIn } from './throttle';

const ACCOUNT = { free: 3, memorySeconds: 600, firstDelaySeconds: 5, longestDelaySeconds: 60 };
const ADDRESS = { free: 6, memorySeconds: 600, firstDelaySeconds: 10, longestDelaySeconds: 900 };

describe('LoginThrottle', () => {
  let throttle: LoginThrottle;
  let keys: Set<string>;
  let lines: object[];
  let retryAfter: string | undefined;
  const reply = { header: (_name: 'retry-after', value: string) => (retryAfter = value) };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    keys = new Set();
    lines = [];
    retryAfter = undefined;
    const memory = countersIn(undefined);
    throttle = new LoginThrottle(
      (seconds) => {
        const counter = memory(seconds);
        const penalty = counter.penalty.bind(counter);
        counter.penalty = (key, ...rest) => {
          keys.add(counter.getKey(key));
          return penalty(key, ...rest);
        };
        return counter;
      },
      { warn: (details) => void lines.push(details) },
      { account: ACCOUNT, address: ADDRESS },
    );
  });
  afterEach(() => void jest.useRealTimers());

  /** What a login does, past the password. */
  async function login(username: string, address: string, isRight = false): Promise<string> {
    retryAfter = undefined;
    try {
      await throttle.check({ username, address }, reply);
      const counted = await throttle.begin({ username, address }, reply);
      if (isRight) await counted.succeeded();
      else counted.failed();
      return isRight ? 'logged in' : 'wrong';
    } catch (error) {
      const { code, status } = error as { code: string; status: number };
      return `${status} ${code}, ${String(retryAfter)}`;
    }
  }
  /** From an address each, which thus is never what is slowed down. */
  let addresses = 0;
  const fail = (username: string) => login(username, `192.0.2.${addresses++ % 256}`);

  it('slows down whoever tries an account, and refuses the right password too', async () => {
    for (let i = 0; i < 3; i++) expect(await fail('alice')).toBe('wrong');
    expect(await fail('alice')).toBe('429 too_many_attempts, 5');
    expect(await login('alice', '198.51.100.1', true)).toBe('429 too_many_attempts, 5');
    expect(await fail('bob')).toBe('wrong');
    jest.advanceTimersByTime(3_999);
    expect(await login('alice', '198.51.100.1', true)).toBe('429 too_many_attempts, 2');
    jest.advanceTimersByTime(1);
    expect(await login('alice', '198.51.100.1', true)).toBe('429 too_many_attempts, 1');
    jest.advanceTimersByTime(1_000);
    expect(await login('alice', '198.51.100.1', true)).toBe('logged in');
  });

  it('forgets the failures of an account that somebody has logged in to', async () => {
    for (let i = 0; i < 2; i++) await fail('alice');
    expect(await login('alice', '198.51.100.1', true)).toBe('logged in');
    for (let i = 0; i < 3; i++) expect(await fail('alice')).toBe('wrong');
    expect(await fail('alice')).toBe('429 too_many_attempts, 5');
  });

  it('slows down an address, whatever it tries, and nobody else', async () => {
    for (let i = 0; i < 6; i++) expect(await login(`user-${i}`, '192.0.2.1')).toBe('wrong');
    expect(await login('user-6', '192.0.2.1')).toBe('429 too_many_attempts, 10');
    expect(await login('alice', '192.0.2.1', true)).toBe('429 too_many_attempts, 10');
    expect(await login('alice', '192.0.2.2', true)).toBe('logged in');
  });

  it('does not let an address forget its failures for logging in to an account of its own', async () => {
    for (let i = 0; i < 5; i++) {
      expect(await login(`user-${i}`, '192.0.2.1')).toBe('wrong');
      expect(await login('mallory', '192.0.2.1', true)).toBe('logged in');
    }
    expect(await login('user-5', '192.0.2.1')).toBe('wrong');
    expect(await login('mallory', '192.0.2.1', true)).toBe('429 too_many_attempts, 10');
  });

  it('does not count what succeeds, though an address is about to be slowed down, or is', async () => {
    for (let i = 0; i < 5; i++) await login(`user-${i}`, '192.0.2.1');
    for (let i = 0; i < 20; i++) expect(await login(`right-${i}`, '192.0.2.1', true)).toBe('logged in');
    await login('user-5', '192.0.2.1');
    jest.advanceTimersByTime(10_000);
    for (let i = 0; i < 20; i++) expect(await login(`right-${i}`, '192.0.2.1', true)).toBe('logged in');
    expect(await login('user-6', '192.0.2.1')).toBe('wrong');
    expect(await login('user-7', '192.0.2.1')).toBe('429 too_many_attempts, 20');
  });

  it('does not let an address that has to wait use up what an account may be tried', async () => {
    for (let i = 0; i < 6; i++) await login(`user-${i}`, '192.0.2.1');
    for (let i = 0; i < 10; i++) expect(await login('alice', '192.0.2.1')).toMatch(/^429/);
    for (let i = 0; i < 3; i++) expect(await fail('alice')).toBe('wrong');
  });

  it('does not count for an address what is refused for the account', async () => {
    for (let i = 0; i < 3; i++) await fail('alice');
    for (let i = 0; i < 50; i++) expect(await login('alice', '198.51.100.1')).toMatch(/^429/);
    for (let i = 0; i < 6; i++) expect(await login(`user-${i}`, '198.51.100.1')).toBe('wrong');
  });

  it('counts an IPv4 address as one however it is written, and an IPv6 network of 64 bits', async () => {
    for (let i = 0; i < 6; i++) await login(`user-${i}`, i % 2 === 0 ? '192.0.2.1' : '::ffff:192.0.2.1');
    expect(await login('x', '192.0.2.1')).toMatch(/^429/);
    for (let i = 0; i < 6; i++) await login(`user-${i}`, `2001:db8:1:2::${i}`);
    expect(await login('x', '2001:db8:1:2:ffff::')).toMatch(/^429/);
    expect(await login('x', '2001:db8:1:3::')).toBe('wrong');
  });

  it('keeps no name, and the keys of one thing in one hash slot', async () => {
    for (let i = 0; i < 4; i++) await login('a secret typed as a name', '192.0.2.1');
    const digest = createHash('sha256').update('a secret typed as a name').digest('hex');
    expect([...keys].sort()).toEqual([
      `tr:{login:account:${digest}}:free`,
      `tr:{login:account:${digest}}:gate`,
      `tr:{login:account:${digest}}:passed`,
      'tr:{login:address:192.0.2.1}:free',
    ]);
  });

  it('tells of every delay once, with a digest in place of the name', async () => {
    const account = createHash('sha256').update('alice').digest('hex').slice(0, 12);
    for (let i = 0; i < 9; i++) await login('alice', '192.0.2.1');
    expect(lines).toEqual([{ account, delaySeconds: 5 }]);
    jest.advanceTimersByTime(5_000);
    for (let i = 0; i < 9; i++) await login('alice', '192.0.2.1');
    for (let i = 0; i < 9; i++) await login(`user-${i}`, '192.0.2.1');
    expect(lines.slice(1)).toEqual([
      { account, delaySeconds: 10 },
      { address: '192.0.2.1', delaySeconds: 10 },
    ]);
    jest.advanceTimersByTime(10_000);
    expect(await login('alice', '198.51.100.1', true)).toBe('logged in');
    expect(lines).toHaveLength(3);
  });
});
