import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Client {
  type?: string;
  id: string;
  secrets?: string[];
  audiences?: object;
  scopes: string[];
  transactions?: { scopes: string[] };
}

const FILES = ['clients.json', 'demo-accounts.json', 'secrets.env', 'users.json'];

describe('dev-secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dev-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function generate(target: string): Promise<number> {
    const child = spawn('node', [join(__dirname, 'dev-secrets.mjs'), target], { stdio: 'ignore' });
    const [code] = (await once(child, 'close')) as [number];
    return code;
  }
  const clientsOf = (target: string) =>
    JSON.parse(readFileSync(join(target, 'clients.json'), 'utf8')) as {
      generatedBy: string;
      clients: Client[];
    };
  /** Of the services: a native client has none. */
  const secretsIn = (target: string) => clientsOf(target).clients.flatMap(({ secrets }) => (secrets ? [secrets] : []));
  /** As the file of the clients has them, of each secret in the environment. */
  const digestsOf = (target: string) =>
    [...readFileSync(join(target, 'secrets.env'), 'utf8').matchAll(/=(.*)/g)].map(([, secret = '']) => [
      `sha256:${createHash('sha256').update(secret).digest('base64url')}`,
    ]);
  const contentOf = (target: string) =>
    readdirSync(target)
      .map((name) => readFileSync(join(target, name), 'utf8'))
      .join('\n');

  it('makes secrets that can be told as generated, and accounts with the scopes of the demo', async () => {
    const target = join(folder, 'first');
    expect(await generate(target)).toBe(0);
    const secrets = readFileSync(join(target, 'secrets.env'), 'utf8').trim().split('\n');
    expect(secrets.map((line) => line.split('=')[0])).toEqual([
      'GATEWAY_CLIENT_SECRET',
      'RESOURCE_CLIENT_SECRET',
      'AUDIT_CLIENT_SECRET',
    ]);
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
      'admin: documents:read documents:write auth:admin audit:read revocations:write keys:read keys:rotate keys:compromise',
    ]);
    for (const { passwordHash } of users) expect(passwordHash).toMatch(/^\$argon2id\$v=19\$/);
    for (const name of readdirSync(target)) expect(statSync(join(target, name)).mode & 0o077).toBe(0);
  });

  it('lists clients with the digests of these secrets, and what each may do', () => {
    const { generatedBy, clients } = clientsOf(join(folder, 'first'));
    expect(generatedBy).toBe('dev-secrets');
    expect(secretsIn(join(folder, 'first'))).toEqual(digestsOf(join(folder, 'first')));
    expect(
      clients.map(({ secrets, ...client }) => ({ ...client, ...(secrets && { secrets: secrets.length }) })),
    ).toEqual([
      {
        id: 'gateway',
        secrets: 1,
        audiences: {
          resource: ['documents:read', 'documents:write', 'audit:read'],
          auth: ['revocations:write', 'keys:read', 'keys:rotate', 'keys:compromise'],
        },
        scopes: ['revocations:read'],
        transactions: { scopes: ['documents:read', 'documents:write', 'audit:read'] },
      },
      {
        id: 'resource',
        secrets: 1,
        audiences: { audit: ['documents:read', 'documents:write', 'audit:read'] },
        scopes: ['revocations:read'],
      },
      { id: 'audit', secrets: 1, audiences: {}, scopes: ['revocations:read'] },
      { type: 'native', id: 'demo-native', scopes: ['documents:read', 'documents:write'] },
    ]);
  });

  it('brings a set from before there was a list of clients up to date, and keeps its accounts and secrets', async () => {
    const target = join(folder, 'earlier');
    await generate(target);
    rmSync(join(target, 'clients.json'));
    const edit = (name: string, change: (text: string) => string) =>
      writeFileSync(join(target, name), change(readFileSync(join(target, name), 'utf8')));
    edit('secrets.env', (text) => text.replace(/^AUDIT.*\n/m, ''));
    for (const name of ['users.json', 'demo-accounts.json']) {
      edit(name, (text) => text.replace(/,\s*"revocations:write"/, ''));
    }
    const before = contentOf(target);
    expect(before).not.toMatch(/AUDIT|revocations/);

    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(target).sort()).toEqual(FILES);
    const after = contentOf(target);
    for (const kept of before.match(/\$argon2id\S+|"password": ".*"|=dev-only-\S+|"sub": ".*"/g) ?? []) {
      expect(after).toContain(kept);
    }
    expect(after.match(/revocations:write/g)).toHaveLength(3);
    expect(after).toMatch(/^AUDIT_CLIENT_SECRET=dev-only-[\w-]{43}$/m);
    expect(secretsIn(target)).toEqual(digestsOf(target));
    for (const name of FILES) expect(statSync(join(target, name)).mode & 0o077).toBe(0);
  });

  it('brings a set from before there were scopes for keys up to date once, and keeps what was added to it', async () => {
    const target = join(folder, 'keyless');
    await generate(target);
    const edit = (name: string, change: (text: string) => string) =>
      writeFileSync(join(target, name), change(readFileSync(join(target, name), 'utf8')));
    for (const name of ['users.json', 'demo-accounts.json', 'clients.json']) {
      edit(name, (text) => text.replace(/,\s*"keys:\w+"/g, ''));
    }
    edit('clients.json', (text) => text.replace('"clients": [', '"clients": [{ "id": "another", "audiences": {} },'));
    edit('users.json', (text) => text.replace('"audit:read"', '"audit:read", "of:ours"'));
    const secrets = readFileSync(join(target, 'secrets.env'), 'utf8');
    const before = contentOf(target);
    expect(before).not.toContain('keys:');

    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(target).sort()).toEqual(FILES);
    const after = contentOf(target);
    for (const kept of before.match(/\$argon2id\S+|"password": ".*"|"sub": ".*"|"another"|"of:ours"/g) ?? []) {
      expect(after).toContain(kept);
    }
    for (const scope of ['read', 'rotate', 'compromise']) {
      expect(after.match(new RegExp(`"keys:${scope}"`, 'g'))).toHaveLength(3);
    }
    expect(readFileSync(join(target, 'secrets.env'), 'utf8')).toBe(secrets);
    expect(secretsIn(target)).toEqual(digestsOf(target));
    for (const name of FILES) expect(statSync(join(target, name)).mode & 0o077).toBe(0);
    // What an account loses from now on it has lost.
    edit('users.json', (text) => text.replace(/,\s*"keys:compromise"/, ''));
    expect(await generate(target)).toBe(0);
    expect(readFileSync(join(target, 'users.json'), 'utf8')).not.toContain('keys:compromise');
  });

  it('adds the native client to a set from before there was one, and leaves the one that is there', async () => {
    const target = join(folder, 'without-native');
    await generate(target);
    const whole = clientsOf(target);
    const write = (clients: object[]) =>
      writeFileSync(join(target, 'clients.json'), JSON.stringify({ ...whole, clients }));
    write(whole.clients.filter(({ type }) => type !== 'native'));
    const before = ['secrets.env', 'users.json'].map((name) => readFileSync(join(target, name), 'utf8'));

    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(clientsOf(target)).toEqual(whole);
    expect(['secrets.env', 'users.json'].map((name) => readFileSync(join(target, name), 'utf8'))).toEqual(before);

    const changed = whole.clients.map((client) => (client.type === 'native' ? { ...client, scopes: ['a'] } : client));
    write(changed);
    expect(await generate(target)).toBe(0);
    expect(clientsOf(target).clients).toEqual(changed);
  });

  it('lets the gateway of a set from before begin transactions, besides what that may already', async () => {
    const target = join(folder, 'without-transactions');
    await generate(target);
    const whole = clientsOf(target);
    const set = (transactions?: Client['transactions']) =>
      writeFileSync(
        join(target, 'clients.json'),
        JSON.stringify({
          ...whole,
          clients: whole.clients.map((client) => (client.id === 'gateway' ? { ...client, transactions } : client)),
        }),
      );
    set();
    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(clientsOf(target)).toEqual(whole);
    set({ scopes: ['of:ours', 'audit:read'] });
    expect(await generate(target)).toBe(0);
    expect(clientsOf(target).clients.map(({ transactions }) => transactions?.scopes)).toEqual([
      ['of:ours', 'audit:read', 'documents:read', 'documents:write'],
      undefined,
      undefined,
      undefined,
    ]);
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
    expect(readdirSync(target).sort()).toEqual(['clients.json', 'demo-accounts.json', 'secrets.env']);
  });

  it('makes one whole set when several begin at once', async () => {
    const target = join(folder, 'raced');
    expect(await Promise.all([1, 2, 3, 4].map(() => generate(target)))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(target).sort()).toEqual(FILES);
    expect(readdirSync(folder).filter((name) => name.startsWith('raced'))).toEqual(['raced']);
  });
});
