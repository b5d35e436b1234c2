import argon2 from 'argon2';
import { MemoryPlace } from '../test/memory-place';
import { misfits } from '../test/misfits';
import { makeSecrets, secretsOf, type System } from './make-secrets';
import { Refused } from './refused';

const SYSTEM: System = {
  namespace: 'token-relay',
  hasAuthority: true,
  hasRedis: true,
  hasRecords: true,
  hasDemoAccounts: false,
};
const NAMES = [
  ...['ca', 'gateway-tls', 'resource-tls', 'audit-tls', 'auth-tls', 'redis-tls', 'records-tls'],
  ...['gateway-client', 'resource-client', 'audit-client', 'auth', 'verifier-redis', 'redis'],
  ...['resource-records', 'audit-records', 'records'],
];

async function run(place: MemoryPlace, system: Partial<System> = {}): Promise<string[]> {
  const lines: string[] = [];
  await makeSecrets(place, { ...SYSTEM, ...system }, (line) => lines.push(line));
  return lines;
}

async function madePlace(system: Partial<System> = {}): Promise<MemoryPlace> {
  const place = new MemoryPlace();
  await run(place, system);
  return place;
}

describe('what a system needs', () => {
  it('is made once, and fits together', async () => {
    const place = new MemoryPlace();
    expect(await run(place)).toEqual(NAMES.map((name) => `made ${name}`));
    expect([...place.secrets.keys()]).toEqual(NAMES);
    expect(misfits(place.secrets)).toEqual([]);

    const before = structuredClone(place.secrets);
    expect(await run(place)).toEqual(NAMES.map((name) => `kept ${name}`));
    expect(place.secrets).toEqual(before);
  });

  it('has 32 random bytes in each secret, others each time', async () => {
    const places = [await madePlace(), await madePlace()];
    const texts = places.flatMap((place) => [
      ...['gateway', 'resource', 'audit'].map((id) => place.text(`${id}-client`, 'client-secret')),
      ...['auth', 'verifier-redis', 'resource-records', 'audit-records'].map(
        (name) => new URL(place.text(name, 'redis-url')).password,
      ),
    ]);
    for (const text of texts) expect(text).toMatch(/^[\w-]{43}$/);
    expect(new Set(texts).size).toBe(14);
    for (const place of places) {
      expect(Buffer.from(place.text('auth', 'key-encryption-key'), 'base64')).toHaveLength(32);
      expect(place.text('auth', 'redis-url')).toMatch(/^rediss:\/\/auth:[\w-]{43}@redis:6379$/);
      expect(place.text('audit-records', 'redis-url')).toMatch(/^rediss:\/\/audit:[\w-]{43}@records:6379$/);
    }
  });

  it('lets clients do what they may in development, and nobody without a secret', async () => {
    const { clients } = JSON.parse((await madePlace()).text('auth', 'clients.json')) as { clients: object[] };
    expect(clients).toMatchObject([
      { id: 'gateway', scopes: ['revocations:read'], transactions: { scopes: expect.any(Array) as unknown } },
      { id: 'resource', audiences: { audit: ['documents:read', 'documents:write', 'audit:read'] } },
      { id: 'audit', audiences: {} },
    ]);
  });

  it('has accounts, and the native client, only if it is for a demo', async () => {
    const place = await madePlace({ hasDemoAccounts: true });
    const accounts = JSON.parse(place.text('demo-accounts', 'accounts.json')) as {
      username: string;
      password: string;
    }[];
    const file = JSON.parse(place.text('demo-accounts', 'users.json')) as { users: { passwordHash: string }[] };
    expect(accounts.map(({ username }) => username)).toEqual(['alice', 'bob', 'carol', 'admin']);
    // Production refuses what says that it was generated for development.
    expect(Object.keys(file)).toEqual(['users']);
    for (const [i, { password }] of accounts.entries()) {
      const { passwordHash = '' } = file.users[i] ?? {};
      expect(passwordHash).toMatch(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/);
      expect(await argon2.verify(passwordHash, password)).toBe(true);
    }
    expect(place.text('auth', 'clients.json')).toContain('demo-native');
  });

  it('leaves certificates and both Redis to others where it is told so', async () => {
    const place = await madePlace({ hasAuthority: false, hasRedis: false, hasRecords: false });
    expect([...place.secrets.keys()]).toEqual(['gateway-client', 'resource-client', 'audit-client', 'auth']);
    expect(Object.keys(place.secrets.get('auth') ?? {})).toEqual(['key-encryption-key', 'clients.json']);
  });

  it.each([
    [{ hasRedis: false }, ['auth-tls', 'auth', 'records', 'resource-records'], ['redis', 'verifier-redis']],
    [{ hasRecords: false }, ['auth-tls', 'auth', 'redis', 'verifier-redis'], ['records', 'resource-records']],
  ])('leaves one Redis to others, and not the other: %j', async (system, made, left) => {
    const names = [...(await madePlace(system)).secrets.keys()];
    expect(names).toEqual(expect.arrayContaining(made));
    expect(left.filter((name) => names.includes(name))).toEqual([]);
  });

  it('gains what a later version has, and keeps the rest', async () => {
    const place = await madePlace({ hasRecords: false });
    place.secrets.delete('records-tls');
    const added = ['records-tls', 'resource-records', 'audit-records', 'records'];
    expect((await run(place)).filter((line) => line.startsWith('made'))).toEqual(added.map((name) => `made ${name}`));
    expect(misfits(place.secrets)).toEqual([]);
  });

  it('is whole after an interruption at any point, and a second run', async () => {
    const { calls } = await madePlace();
    expect(calls).toBe(2 * NAMES.length);
    for (let callsLeft = 0; callsLeft < calls; callsLeft++) {
      const place = new MemoryPlace();
      place.callsLeft = callsLeft;
      await expect(run(place)).rejects.toThrow('interrupted');
      const before = new Map(place.secrets);
      place.callsLeft = Infinity;
      await run(place);
      expect(misfits(place.secrets)).toEqual([]);
      expect(place.secrets).toEqual(new Map([...place.secrets, ...before]));
    }
  });

  it('is one system where several make it at once, whoever is ahead', async () => {
    for (let ahead = 0; ahead < 2 * NAMES.length; ahead += 3) {
      const place = new MemoryPlace();
      const first = run(place);
      while (place.calls < ahead) await new Promise(setImmediate);
      const lines = await Promise.all([first, run(place), run(place)]);
      expect(misfits(place.secrets)).toEqual([]);
      expect(
        lines
          .flat()
          .filter((line) => line.startsWith('made'))
          .sort(),
      ).toEqual(NAMES.map((name) => `made ${name}`).sort());
    }
  });

  it('is not taken for broken where another run makes all of it while this one looks', async () => {
    const { secrets } = await madePlace();
    for (let moment = 0; moment <= NAMES.length; moment++) {
      const place = new MemoryPlace();
      place.meanwhile = (call) => {
        if (call === moment) for (const [name, contents] of secrets) place.secrets.set(name, contents);
      };
      expect(await run(place)).toEqual(NAMES.map((name) => `kept ${name}`));
      expect(place.secrets).toEqual(secrets);
    }
  });

  it.each(['gateway-tls', 'redis-tls', 'redis', 'records-tls', 'records', 'demo-accounts'])(
    'gets another %s where that is lost',
    async (lost) => {
      const place = await madePlace({ hasDemoAccounts: true });
      const before = new Map(place.secrets);
      place.secrets.delete(lost);
      expect(await run(place, { hasDemoAccounts: true })).toContain(`made ${lost}`);
      expect(misfits(place.secrets)).toEqual([]);
      for (const [name, contents] of before) {
        if (name !== lost) expect(place.secrets.get(name)).toBe(contents);
      }
    },
  );

  it.each([
    ['ca', /^ca is missing, which signed resource-tls, .*records-tls: restore it, or delete these as well/],
    ['gateway-client', /^gateway-client missing, while clients.json in auth has a digest/],
    ['auth', /^auth is missing, while verifier-redis, redis hold passwords/],
    ['verifier-redis', /^verifier-redis missing, while redis has a digest/],
    ['audit-records', /^audit-records missing, while records has a digest .* delete records as well/],
  ])('is refused where %s is lost, which another could not replace, and nothing is made', async (lost, reason) => {
    const place = await madePlace();
    place.secrets.delete(lost);
    place.secrets.delete('gateway-tls');
    await expect(run(place)).rejects.toThrow(reason);
    expect([...place.secrets.keys()].sort()).toEqual(NAMES.filter((n) => n !== lost && n !== 'gateway-tls').sort());
  });

  it.each([
    ['ca', ['ca', 'gateway-tls', 'resource-tls', 'audit-tls', 'auth-tls', 'redis-tls', 'records-tls']],
    ['auth', ['auth', 'verifier-redis', 'redis']],
    ['verifier-redis', ['verifier-redis', 'redis']],
    ['resource-records', ['resource-records', 'records']],
  ])('can be made anew without %s where what depended on it is gone as well', async (_, lost) => {
    const place = await madePlace();
    for (const name of lost) place.secrets.delete(name);
    expect((await run(place)).filter((line) => line.startsWith('made'))).toEqual(lost.map((name) => `made ${name}`));
    expect(misfits(place.secrets)).toEqual([]);
  });

  it('needs no CA of its own where certificates come from elsewhere', async () => {
    const place = await madePlace();
    place.secrets.delete('ca');
    expect(await run(place, { hasAuthority: false })).toContain('kept gateway-client');
  });

  it('is made of what an operator has put there', async () => {
    const place = new MemoryPlace();
    place.secrets.set('gateway-client', { 'client-secret': "an operator's own secret, of more than 32 bytes\n" });
    place.secrets.set('auth', {
      'key-encryption-key': 'x',
      'clients.json': '{"clients":[]}',
      'redis-url': 'rediss://auth:a%2Fb@redis:6379\n',
    });
    place.secrets.set('resource-client', { 'client-secret': 'y' });
    place.secrets.set('audit-client', { 'client-secret': 'z' });
    await run(place);
    // echo -n a/b | sha256sum
    expect(place.text('redis', 'users.acl')).toContain(
      'user auth on sanitize-payload #c14cddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11 ',
    );

    place.secrets.delete('auth');
    place.secrets.delete('verifier-redis');
    place.secrets.delete('redis');
    await run(place);
    // printf "an operator's own secret, of more than 32 bytes" | openssl dgst -sha256 -binary | basenc --base64url
    expect(place.text('auth', 'clients.json')).toContain('"sha256:XK_14SWfESC78epu8wiegTwOAeV-cuFsiTDFLBJihGo"');
  });

  it('is refused where one is incomplete, before anything is made', async () => {
    const place = new MemoryPlace();
    place.secrets.set('redis-tls', { 'tls.crt': ' \n', 'ca.crt': '' });
    await expect(run(place)).rejects.toThrow('redis-tls is there, but lacks tls.crt, tls.key, ca.crt');
    expect([...place.secrets.keys()]).toEqual(['redis-tls']);
  });

  it.each(['no URL', 'rediss://auth@redis:6379'])('needs a password in the URL of Redis: %p', async (url) => {
    const place = await madePlace();
    place.secrets.delete('redis');
    place.secrets.set('auth', { ...place.secrets.get('auth'), 'redis-url': url });
    await expect(run(place)).rejects.toThrow('auth: redis-url is no URL with a password');
  });

  it('shows nothing of a password that can not be decoded', async () => {
    const place = await madePlace();
    place.secrets.delete('redis');
    place.secrets.set('auth', { ...place.secrets.get('auth'), 'redis-url': 'rediss://auth:50%off@redis:6379' });
    await expect(run(place)).rejects.toThrow(
      new Refused('auth: redis-url has a password with a % that escapes nothing'),
    );
  });

  it('has its secrets in one order everywhere, each after those that it is made of', () => {
    expect(secretsOf(SYSTEM).map(({ name }) => name)).toEqual(NAMES);
  });
});
