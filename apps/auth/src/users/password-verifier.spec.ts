import argon2 from 'argon2';
import { ARGON2ID, isArgon2id } from './argon2id';
import { PasswordVerifier } from './password-verifier';

describe('PasswordVerifier', () => {
  const user = { sub: 's', username: 'alice', scopes: [], passwordHash: '' };
  let verifier: PasswordVerifier;

  beforeAll(async () => {
    user.passwordHash = await argon2.hash('right', ARGON2ID);
    verifier = new PasswordVerifier({ find: (name) => Promise.resolve(name === 'alice' ? user : undefined) });
    await verifier.onModuleInit();
  });

  it('finds the user whose password it is', async () => {
    expect(await verifier.verify('alice', 'right')).toBe(user);
    expect(await verifier.verify('alice', 'Right')).toBeUndefined();
    expect(await verifier.verify('nobody', 'right')).toBeUndefined();
  });

  it('does the same work for an unknown user as for a wrong password, and a disabled one', async () => {
    const verify = jest.spyOn(argon2, 'verify');
    await verifier.verify('alice', 'wrong');
    await verifier.verify('nobody', 'wrong');
    Object.assign(user, { disabled: true });
    expect(await verifier.verify('alice', 'right')).toBeUndefined();
    Object.assign(user, { disabled: undefined });
    const [known, unknown, disabled] = verify.mock.calls.map(([hash]) => hash);
    expect(known).toBe(user.passwordHash);
    expect(disabled).toBe(known);
    expect(unknown).not.toBe(known);
    for (const hash of [known, unknown]) expect(isArgon2id(hash ?? '')).toBe(true);
  });

  it('sees what has become of a user since', async () => {
    const verified = { ...user };
    const now = (change: object | undefined) => {
      const found = change && { ...user, ...change };
      return new PasswordVerifier({ find: () => Promise.resolve(found) }).stillHolds(verified);
    };
    expect(await now({})).toBe(true);
    expect(await now({ scopes: ['more'] })).toBe(true);
    expect(await now({ disabled: true })).toBe(false);
    expect(await now({ passwordHash: 'other' })).toBe(false);
    expect(await now({ sub: 'other' })).toBe(false);
    expect(await now(undefined)).toBe(false);
  });
});
