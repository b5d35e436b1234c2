import { describeWith, REDIS, startRedis, type TestServer } from '@token-relay/testing/servers';
import argon2 from 'argon2';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { connected, connectRedis, type RedisClient } from '@token-relay/service-kit';
import { RedisUserDirectory } from '../redis-user-directory';
import { type User } from '../user-record';
import { type UsersFile } from '../users-file';
import { usersCommand } from './users-command';

const PASSWORD = 'correct horse battery';

type Run = (args: readonly string[], input?: string) => Promise<{ exitCode: number; out: string; err: string }>;

function runIn(environment: () => NodeJS.ProcessEnv): Run {
  return async (args, input = '') => {
    let [out, err] = ['', ''];
    const exitCode = await usersCommand(args, {
      environment: environment(),
      input: Readable.from([Buffer.from(input)]),
      terminal: new Writable(),
      write: (text) => (out += text),
      warn: (text) => (err += text),
    });
    return { exitCode, out, err };
  };
}

describe('the command for users', () => {
  let folder: string;
  let path: string;
  const environment = () => ({ USERS_FILE: path });
  const run = runIn(environment);
  const users = (): readonly User[] => (JSON.parse(readFileSync(path, 'utf8')) as UsersFile).users;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'users-command-'));
    path = join(folder, 'users.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('adds users, whose password it takes from standard input', async () => {
    const { exitCode, out, err } = await run(['add', 'alice', '--scopes', 'documents:read documents:write'], PASSWORD);
    expect([exitCode, err]).toEqual([0, '']);
    await run(['add', 'bob'], `${PASSWORD} of bob\r\n`);
    const [alice, bob] = users();
    expect(alice).toMatchObject({ username: 'alice', scopes: ['documents:read', 'documents:write'] });
    expect(bob).toMatchObject({ username: 'bob', scopes: [] });
    expect(out).toBe(`alice is added (${alice?.sub}); auth notices within a second\n`);
    expect(bob?.sub).not.toBe(alice?.sub);
    expect(await argon2.verify(alice?.passwordHash ?? '', PASSWORD)).toBe(true);
    expect(await argon2.verify(bob?.passwordHash ?? '', `${PASSWORD} of bob`)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['users.json']);
  });

  it('takes a password from a file, and from a terminal, where it is typed twice and not shown', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, `${PASSWORD}\n`);
    expect((await run(['add', 'alice', '--password-file', file])).exitCode).toBe(0);

    const onTerminal = async (...answers: string[]) => {
      const input = Object.assign(new PassThrough(), { isTTY: true });
      let [shown, err] = ['', ''];
      const terminal = new Writable({
        write(chunk, _encoding, done) {
          shown += String(chunk);
          if (/: $/.test(String(chunk))) setImmediate(() => input.write(`${answers.shift()}\r`));
          done();
        },
      });
      const exitCode = await usersCommand(['passwd', 'alice'], {
        environment: environment(),
        input,
        terminal,
        write: () => undefined,
        warn: (text) => (err += text),
      });
      return { exitCode, shown, err };
    };
    const typed = 'another long password';
    expect(await onTerminal(typed, typed)).toEqual({ exitCode: 0, shown: 'Password: \nOnce more: \n', err: '' });
    expect(await argon2.verify(users()[0]?.passwordHash ?? '', typed)).toBe(true);
    expect(await onTerminal(typed, PASSWORD)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('not the same') as string,
    });
    expect(await onTerminal('\u0003')).toMatchObject({ exitCode: 1, err: 'users: no password was given\n' });
  });

  it('disables, enables, and changes passwords; says when what was given before is revoked', async () => {
    await run(['add', 'alice'], PASSWORD);
    await run(['add', 'bob'], PASSWORD);
    const [added, bob] = users();
    const before = Math.floor(Date.now() / 1000);
    const disabled = await run(['disable', 'alice']);
    expect(disabled.out).toBe('alice is disabled; auth notices within a second, and revokes what was given before\n');
    expect(users()).toEqual([{ ...added, disabled: true, revokedAt: expect.any(Number) as number }, bob]);
    expect(users()[0]?.revokedAt).toBeGreaterThanOrEqual(before);

    expect((await run(['enable', 'alice'])).out).toBe('alice is enabled; auth notices within a second\n');
    expect(users()).toEqual([{ ...added, revokedAt: expect.any(Number) as number }, bob]);

    const first = users()[0]?.revokedAt ?? 0;
    expect((await run(['passwd', 'alice'], `${PASSWORD} 2`)).exitCode).toBe(0);
    expect(users()[0]?.revokedAt).toBeGreaterThan(first);
    expect(await argon2.verify(users()[0]?.passwordHash ?? '', `${PASSWORD} 2`)).toBe(true);
    expect(users()[0]?.sub).toBe(added?.sub);
  });

  it('lists everything but hashes', async () => {
    await run(['add', 'alice', '--scopes', 'a b'], PASSWORD);
    await run(['add', 'bo'], PASSWORD);
    await run(['disable', 'bo']);
    const [alice, bo] = users();
    const { exitCode, out } = await run(['list']);
    expect(exitCode).toBe(0);
    expect(out.split('\n')).toEqual([
      'username  sub                                   state     scopes',
      `alice     ${alice?.sub}  enabled   a b`,
      `bo        ${bo?.sub}  disabled`,
      '',
    ]);
  });

  it('leaves a file otherwise as it was: what made it, its mode, and where it is', async () => {
    const real = join(folder, 'real.json');
    writeFileSync(real, '{"generatedBy":"dev-secrets","users":[]}');
    chmodSync(real, 0o640);
    symlinkSync('real.json', path);
    expect((await run(['add', 'alice'], PASSWORD)).exitCode).toBe(0);
    expect(JSON.parse(readFileSync(real, 'utf8'))).toMatchObject({
      generatedBy: 'dev-secrets',
      users: [{ username: 'alice' }],
    });
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['real.json', 'users.json']);
  });

  it('loses no change when several come at once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const runs = await Promise.all(names.map((name) => run(['add', name], PASSWORD)));
    expect(runs.map(({ exitCode }) => exitCode)).toEqual(names.map(() => 0));
    expect(
      users()
        .map(({ username }) => username)
        .sort(),
    ).toEqual(names);
  });

  it('does not wait for ever for somebody who has left a lock, and says which', async () => {
    await run(['add', 'alice'], PASSWORD);
    writeFileSync(`${path}.lock`, '');
    const { exitCode, err } = await run(['disable', 'alice']);
    expect([exitCode, err]).toEqual([1, expect.stringContaining(`${path}.lock is there`)]);
    expect(users()[0]?.disabled).toBeUndefined();
  });

  it.each<[string, string[], string, RegExp]>([
    ['a user that there is', ['add', 'alice'], PASSWORD, /there is a user alice already/],
    ['one that there is not', ['disable', 'bob'], '', /there is no user bob/],
    ['one that there is not, and no password', ['passwd', 'bob'], '', /there is no user bob/],
    ['no password', ['passwd', 'alice'], '', /12 characters or more/],
    ['a password of 11 characters', ['passwd', 'alice'], 'x'.repeat(11), /12 characters or more/],
    ['a password of 1025 bytes', ['passwd', 'alice'], 'x'.repeat(1025), /1024 bytes at most/],
    ['a password in two lines', ['passwd', 'alice'], `${PASSWORD}\n${PASSWORD}\n`, /one line/],
    ['a file that is not there', ['passwd', 'alice', '--password-file', '/nowhere/p'], '', /can not be read/],
  ])('exits with 1 and one line for %s', async (_what, args, input, message) => {
    await run(['add', 'alice'], PASSWORD);
    const before = readFileSync(path, 'utf8');
    const { exitCode, out, err } = await run(args, input);
    expect([exitCode, out]).toEqual([1, '']);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('takes a password of 12 characters, and of 1024 bytes', async () => {
    expect((await run(['add', 'alice'], 'ä'.repeat(12))).exitCode).toBe(0);
    expect((await run(['passwd', 'alice'], `${'x'.repeat(1024)}\n`)).exitCode).toBe(0);
  });

  it('exits with 1 for a file that is broken, shows nothing of it, and leaves it alone', async () => {
    writeFileSync(path, '{"users":[{"username":"alice","passwordHash":"hunter2"}]}');
    const { exitCode, err } = await run(['list']);
    expect([exitCode, err]).toEqual([1, expect.stringMatching(/^users: USERS_FILE is not as it must be at: .*\n$/)]);
    expect(err).not.toContain('hunter2');
    expect((await run(['add', 'bob'], PASSWORD)).exitCode).toBe(1);
    expect(readFileSync(path, 'utf8')).toContain('hunter2');
  });

  it.each<[string, string[]]>([
    ['no command', []],
    ['an unknown command', ['remove', 'alice']],
    ['no username', ['add']],
    ['two usernames', ['disable', 'alice', 'bob']],
    ['a username that is none', ['add', 'al\u001b[31mice']],
    ['a username for the list', ['list', 'alice']],
    ['a password as an argument', ['add', 'alice', '--password=hunter2']],
    ['a password as an argument of its own', ['add', 'alice', 'hunter2']],
    ['an option of another command', ['disable', 'alice', '--scopes', 'a']],
    ['a scope that is none', ['add', 'alice', '--scopes', 'a"b']],
  ])('exits with 2 for %s', async (_what, args) => {
    const { exitCode, out, err } = await run(args, PASSWORD);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).not.toBe('');
    // eslint-disable-next-line no-control-regex
    expect(err).not.toMatch(/hunter2|\u001b/);
  });

  it('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('Usage: users') as string,
    });
  });

  it('takes a file of its own only where the environment names neither file nor Redis', async () => {
    const own = join(folder, 'own.json');
    const add = (env: NodeJS.ProcessEnv, name: string) =>
      runIn(() => env)(['--fallback-file', own, 'add', name], PASSWORD);
    expect((await add({}, 'alice')).exitCode).toBe(0);
    expect(readFileSync(own, 'utf8')).toContain('alice');
    await add(environment(), 'bob');
    expect(readFileSync(own, 'utf8')).not.toContain('bob');
    expect(users()[0]?.username).toBe('bob');
    const { exitCode, err } = await runIn(() => ({}))(['list']);
    expect([exitCode, err]).toEqual([1, 'users: USERS_FILE or REDIS_URL has to say where the users are\n']);
  });

  it('shows nothing of an address of Redis that is none', async () => {
    const { exitCode, err } = await runIn(() => ({ REDIS_URL: 'http://:hunter2@redis.test' }))(['list']);
    expect([exitCode, err]).toEqual([1, expect.stringContaining('REDIS_URL: must be')]);
    expect(err).not.toMatch(/hunter2|redis\.test/);
  });
});

describeWith(REDIS)('the command for users, in Redis', () => {
  let server: TestServer;
  let redis: RedisClient;
  const run = runIn(() => ({ REDIS_URL: server.url }));
  const stored = async (name: string) =>
    JSON.parse((await redis.hget('tr:{users}:users', name)) ?? 'null') as User | null;

  beforeAll(async () => {
    server = await startRedis();
    redis = connectRedis(server.url, () => undefined);
    await connected(redis);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.del('tr:{users}:users', 'tr:{users}:pending'));

  it('adds and lists users', async () => {
    expect((await run(['add', 'bob'], PASSWORD)).exitCode).toBe(0);
    const { out } = await run(['add', 'alice', '--scopes', 'a'], PASSWORD);
    const alice = await stored('alice');
    expect(out).toBe(`alice is added (${alice?.sub}); it counts at once\n`);
    expect(await argon2.verify(alice?.passwordHash ?? '', PASSWORD)).toBe(true);
    expect((await run(['list'])).out).toMatch(/^username .*\nalice .*\nbob .*\n$/);
    expect(await run(['add', 'alice'], PASSWORD)).toMatchObject({
      exitCode: 1,
      err: 'users: there is a user alice already\n',
    });
    expect(await redis.exists('tr:{users}:pending')).toBe(0);
  });

  it('waits until auth has revoked what was given before', async () => {
    await run(['add', 'alice'], PASSWORD);
    const revoked: string[] = [];
    const directory = new RedisUserDirectory(redis);
    directory.watch((subject) => Promise.resolve(void revoked.push(subject)));
    try {
      const { exitCode, out } = await run(['disable', 'alice']);
      expect([exitCode, out]).toEqual([0, 'alice is disabled; what was given before is revoked\n']);
      const { sub } = (await stored('alice')) ?? {};
      expect(revoked).toEqual([sub]);
      expect(await stored('alice')).toMatchObject({ disabled: true, revokedAt: expect.any(Number) as number });
      expect((await run(['passwd', 'alice'], `${PASSWORD} 2`)).out).toContain('what was given before is revoked');
      expect(revoked).toEqual([sub, sub]);
    } finally {
      await directory.close();
    }
  });

  it('says so when auth does not run, and leaves it to be done', async () => {
    await run(['add', 'alice'], PASSWORD);
    const { exitCode, out } = await run(['disable', 'alice']);
    expect([exitCode, out]).toEqual([0, 'alice is disabled; what was given before will be revoked when auth runs\n']);
    expect(Object.keys(await redis.hgetall('tr:{users}:pending'))).toEqual(['alice']);
  });

  it('loses no change when several come at once', async () => {
    const runs = await Promise.all([1, 2, 3, 4].map(() => run(['add', 'alice'], PASSWORD)));
    expect(runs.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1, 1]);
    const winner = runs.find(({ exitCode }) => exitCode === 0);
    expect(winner?.out).toContain((await stored('alice'))?.sub);
  });

  it('exits with 1 when Redis is not there, and shows nothing of its address', async () => {
    const { exitCode, err } = await runIn(() => ({ REDIS_URL: 'redis://:hunter2@127.0.0.1:1' }))(['list']);
    expect([exitCode, err]).toEqual([1, expect.stringMatching(/^users: Redis can not be reached: .*\n$/)]);
    expect(err).not.toContain('hunter2');
  });
});
