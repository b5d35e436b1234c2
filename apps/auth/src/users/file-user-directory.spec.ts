import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileUserDirectory } from './file-user-directory';

describe('FileUserDirectory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'users-'));
  const path = join(folder, 'users.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  const alice = {
    sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
    username: 'alice',
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g',
    scopes: ['documents:read'],
  };
  const bob = { ...alice, username: 'bob', sub: '0d2f6f0e-53f7-4c53-8a3b-0a9f7c1b2d33' };
  const directory = (content: unknown, mode: 'production' | 'development' = 'production') => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return new FileUserDirectory(path, mode);
  };

  it('finds users by the exact name', async () => {
    const users = directory({ users: [alice, bob] });
    expect(await users.find('alice')).toEqual(alice);
    for (const name of ['Alice', 'alice ', 'carol', 'toString']) expect(await users.find(name)).toBeUndefined();
  });

  it.each([
    ['no JSON', 'alice:secret', /can not be read as JSON/],
    ['no list', {}, /at: users$/],
    ['a name for a sub', { users: [{ ...alice, sub: 'alice' }] }, /at: users\.0\.sub$/],
    ['a password in clear', { users: [{ ...alice, passwordHash: 'hunter2' }] }, /at: users\.0\.passwordHash$/],
    [
      'a hash with other parameters',
      { users: [{ ...alice, passwordHash: alice.passwordHash.replace('t=2', 't=3') }] },
      /at: users\.0\.passwordHash$/,
    ],
    ['a name twice', { users: [alice, { ...bob, username: 'alice' }] }, /a username twice/],
    ['a sub twice', { users: [alice, { ...bob, sub: alice.sub }] }, /a sub twice/],
  ])('refuses %s, and shows no value', (_what, content, message) => {
    expect(() => directory(content)).toThrow(message);
    expect(() => directory(content)).not.toThrow(/hunter2|secret/);
  });

  it('refuses generated users in production only', () => {
    const generated = { generatedBy: 'dev-secrets', users: [alice] };
    expect(() => directory(generated)).toThrow('refused in production');
    expect(() => directory(generated, 'development')).not.toThrow();
  });
});
