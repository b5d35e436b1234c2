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

  it('does the same work for an unknown user as for a wrong password', async () => {
    const verify = jest.spyOn(argon2, 'verify');
    await verifier.verify('alice', 'wrong');
    await verifier.verify('nobody', 'wrong');
    const [known, unknown] = verify.mock.calls.map(([hash]) => hash);
    expect(known).toBe(user.passwordHash);
    expect(unknown).not.toBe(known);
    for (const hash of [known, unknown]) expect(isArgon2id(hash ?? '')).toBe(true);
  });
});
