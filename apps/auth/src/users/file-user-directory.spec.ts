import { Logger } from '@nestjs/common';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileUserDirectory } from './file-user-directory';

describe('FileUserDirectory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'users-'));
  const path = join(folder, 'users.json');
  const open: FileUserDirectory[] = [];
  beforeAll(() => void Logger.overrideLogger(false));
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));
  afterAll(() => rmSync(folder, { recursive: true }));

  const alice = {
    sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
    username: 'alice',
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g',
    scopes: ['documents:read'],
  };
  const bob = { ...alice, username: 'bob', sub: '0d2f6f0e-53f7-4c53-8a3b-0a9f7c1b2d33' };
  const write = (content: unknown) =>
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  const directory = (content: unknown, mode: 'production' | 'development' = 'production') => {
    write(content);
    const users = new FileUserDirectory(path, mode);
    open.push(users);
    return users;
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
    ['a member that is misspelt', { users: [{ ...alice, disable: true }] }, /at: users\.0\.disable$/],
    ['a member beside the list', { users: [alice], admins: 1 }, /at: admins$/],
    ['a name in two lines', { users: [{ ...alice, username: 'al\nice' }] }, /at: users\.0\.username$/],
    ['a name that ends in a blank', { users: [{ ...alice, username: 'alice ' }] }, /at: users\.0\.username$/],
    ['scopes in one text', { users: [{ ...alice, scopes: ['a b'] }] }, /at: users\.0\.scopes\.0$/],
    ['a time in words', { users: [{ ...alice, revokedAt: 'now' }] }, /at: users\.0\.revokedAt$/],
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

  describe('watched', () => {
    const now = Math.floor(Date.now() / 1000);
    const revoked: string[] = [];
    const revoke = (subject: string): Promise<void> => {
      revoked.push(subject);
      return Promise.resolve();
    };
    const otherHash = alice.passwordHash.replace('$c2Fs', '$dGFs');
    beforeEach(() => void (revoked.length = 0));

    it('finds whom the file has now, and reports it by itself', async () => {
      const users = directory({ users: [alice, bob] });
      users.watch(revoke);
      write({ users: [{ ...alice, disabled: true }, bob] });
      while (revoked.length === 0) await sleep(5);
      expect(revoked).toEqual([alice.sub]);
      expect((await users.find('alice'))?.disabled).toBe(true);
    });

    it.each<[string, object[], string[]]>([
      ['who is as before', [alice, bob], []],
      ['who has more scopes', [{ ...alice, scopes: ['a', 'b'] }, bob], []],
      ['who has another name', [{ ...alice, username: 'alicia' }, bob], []],
      ['who is new', [alice, bob, { ...alice, username: 'c', sub: '1d2f6f0e-53f7-4c53-8a3b-0a9f7c1b2d33' }], []],
      ['who is disabled', [{ ...alice, disabled: true }, bob], [alice.sub]],
      ['who has another password', [{ ...alice, passwordHash: otherHash }, bob], [alice.sub]],
      ['of whom that is said', [{ ...alice, revokedAt: 1 }, bob], [alice.sub]],
      ['who has gone', [bob], [alice.sub]],
      ['who has another sub', [{ ...alice, sub: bob.sub.replace('0d', '1d') }, bob], [alice.sub]],
      ['all, if none is left', [], [alice.sub, bob.sub]],
    ])('of a new file reports, or does not, %s', async (_who, after, expected) => {
      const users = directory({ users: [alice, bob] });
      users.watch(revoke);
      write({ users: after });
      await users.look();
      expect(revoked).toEqual(expected);
      await users.look();
      expect(revoked).toEqual(expected);
    });

    it('does not report once more whom another change leaves as they are', async () => {
      const users = directory({ users: [{ ...alice, revokedAt: now }, bob] });
      users.watch(revoke);
      await users.look();
      expect(revoked).toEqual([alice.sub]);
      write({ users: [{ ...alice, revokedAt: now }] });
      await users.look();
      expect(revoked).toEqual([alice.sub, bob.sub]);
    });

    it.each<[string, object, boolean]>([
      ['is disabled', { disabled: true }, true],
      ['was revoked 19 minutes ago', { revokedAt: now - 19 * 60 }, true],
      ['was revoked 21 minutes ago', { revokedAt: now - 21 * 60 }, false],
      ['is as ever', {}, false],
    ])('reports at the start, for a process that ended too early, who %s', async (_what, more, isReported) => {
      const users = directory({ users: [{ ...alice, ...more }, bob] });
      users.watch(revoke);
      await users.look();
      expect(revoked).toEqual(isReported ? [alice.sub] : []);
    });

    it('reports until that succeeds, and nobody waits for somebody else', async () => {
      const users = directory({ users: [alice, bob] });
      let failures = 2;
      users.watch((subject) => {
        if (subject === alice.sub && failures-- > 0) return Promise.reject(new Error('store away'));
        return revoke(subject);
      });
      write({ users: [] });
      await users.look();
      expect(revoked).toEqual([bob.sub]);
      while (revoked.length < 2) await sleep(5);
      expect(revoked).toEqual([bob.sub, alice.sub]);
    });

    it('reports nothing because of a file that is refused, and goes on with what it had', async () => {
      const users = directory({ users: [alice] });
      users.watch(revoke);
      for (const bad of ['', '{"users":[]', '[]', JSON.stringify({ users: [{ ...alice, disabled: 'yes' }] })]) {
        write(bad);
        await users.look();
      }
      rmSync(path);
      await users.look();
      expect(revoked).toEqual([]);
      expect(await users.find('alice')).toEqual(alice);
    });
  });
});
