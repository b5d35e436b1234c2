import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('dev-secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dev-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function generate(target: string): Promise<number> {
    const child = spawn('node', [join(__dirname, 'dev-secrets.mjs'), target], { stdio: 'ignore' });
    const [code] = (await once(child, 'close')) as [number];
    return code;
  }
  const contentOf = (target: string) =>
    readdirSync(target)
      .map((name) => readFileSync(join(target, name), 'utf8'))
      .join('\n');

  it('makes secrets that can be told as generated, and accounts with the scopes of the demo', async () => {
    const target = join(folder, 'first');
    expect(await generate(target)).toBe(0);
    const secrets = readFileSync(join(target, 'secrets.env'), 'utf8').trim().split('\n');
    expect(secrets.map((line) => line.split('=')[0])).toEqual(['GATEWAY_CLIENT_SECRET', 'RESOURCE_CLIENT_SECRET']);
    for (const line of secrets) expect(line).toMatch(/=dev-only-[\w-]{43}$/);

    const { generatedBy, users } = JSON.parse(readFileSync(join(target, 'users.json'), 'utf8')) as {
      generatedBy: string;
      users: { username: string; passwordHash: string; scopes: string[] }[];
    };
    expect(generatedBy).toBe('dev-secrets');
    expect(users.map(({ username, scopes }) => `${username}: ${scopes.join(' ')}`)).toEqual([
      'alice: documents:read documents:write',
      'bob: documents:read documents:write',
      'carol: documents:read',
      'admin: documents:read documents:write auth:admin audit:read',
    ]);
    for (const { passwordHash } of users) expect(passwordHash).toMatch(/^\$argon2id\$v=19\$/);
    for (const name of readdirSync(target)) expect(statSync(join(target, name)).mode & 0o077).toBe(0);
  });

  it('makes them once, and other ones elsewhere', async () => {
    const before = contentOf(join(folder, 'first'));
    expect(await generate(join(folder, 'first'))).toBe(0);
    expect(contentOf(join(folder, 'first'))).toBe(before);
    await generate(join(folder, 'second'));
    expect(contentOf(join(folder, 'second'))).not.toBe(before);
  });

  it('does not mend a set that has been broken, and says what is missing', async () => {
    const target = join(folder, 'broken');
    await generate(target);
    rmSync(join(target, 'users.json'));
    expect(await generate(target)).toBe(1);
    expect(readdirSync(target).sort()).toEqual(['demo-accounts.json', 'secrets.env']);
  });

  it('makes one whole set when several begin at once', async () => {
    const target = join(folder, 'raced');
    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(target).sort()).toEqual(['demo-accounts.json', 'secrets.env', 'users.json']);
    expect(readdirSync(folder).filter((name) => name.startsWith('raced'))).toEqual(['raced']);
  });
});
