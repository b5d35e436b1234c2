import { type LoginThrottle } from './login-throttle';
import { PasswordLogin } from './password-login';
import { PasswordQueue } from './password-queue';
import { type PasswordVerifier } from './password-verifier';

describe('PasswordLogin', () => {
  const alice = { sub: 's', username: 'alice', scopes: [], passwordHash: '' };
  const attempt = { username: 'alice', address: '192.0.2.1' };
  let did: string[];
  let refuseIn: 'check' | 'begin' | undefined;

  beforeEach(() => {
    did = [];
    refuseIn = undefined;
  });

  const step = (name: 'check' | 'begin'): void => {
    did.push(name);
    if (refuseIn === name) throw new Error('refused');
  };
  const throttle = {
    check: async () => Promise.resolve(step('check')),
    begin: async () => {
      step('begin');
      return Promise.resolve({
        succeeded: async () => Promise.resolve(void did.push('succeeded')),
        failed: () => void did.push('failed'),
      });
    },
  } as Partial<LoginThrottle> as LoginThrottle;
  const passwords = {
    verify: async (_username, password) => {
      did.push('verify');
      return Promise.resolve(password === 'right' ? alice : undefined);
    },
  } as Partial<PasswordVerifier> as PasswordVerifier;
  const login = (password: string, destroyed = false) =>
    new PasswordLogin(throttle, new PasswordQueue(), passwords).userOf(attempt, password, {
      header: () => undefined,
      raw: { destroyed },
    });

  it('counts a login before it looks at the password, and tells the throttle how it ended', async () => {
    expect(await login('right')).toBe(alice);
    expect(did.splice(0)).toEqual(['check', 'begin', 'verify', 'succeeded']);
    expect(await login('wrong')).toBeUndefined();
    expect(did).toEqual(['check', 'begin', 'verify', 'failed']);
  });

  it.each(['check', 'begin'] as const)('looks at no password that is refused by the throttle: %s', async (where) => {
    refuseIn = where;
    await expect(login('right')).rejects.toThrow('refused');
    expect(did).not.toContain('verify');
  });

  it('neither counts nor verifies for a client that has gone', async () => {
    expect(await login('right', true)).toBeUndefined();
    expect(did).toEqual(['check']);
  });

  it('neither counts nor verifies what there is no room for', async () => {
    const queue = { run: () => Promise.reject(new Error('busy')) } as Partial<PasswordQueue> as PasswordQueue;
    const busy = new PasswordLogin(throttle, queue, passwords);
    await expect(busy.userOf(attempt, 'x', { header: () => undefined, raw: { destroyed: false } })).rejects.toThrow(
      'busy',
    );
    expect(did).toEqual(['check']);
  });
});
