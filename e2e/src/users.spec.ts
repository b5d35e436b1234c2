import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from './app-process';
import { clientsFile, ISSUER, post, secret } from './system';

const CLI = resolve(__dirname, '../../apps/auth/dist/users/cli.js');
const PASSWORD = 'correct horse battery';

/** Runs the built command, as its target does. */
async function users(environment: Record<string, string>, args: string[], input = '') {
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...environment } });
  child.stdin.end(input);
  const code = new Promise<number | null>((exited) => child.once('close', exited));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

async function login(auth: AppProcess, username: string, password: string) {
  const answer = await post(`${auth.url}/auth/login`, { username, password });
  const { transactionId, ...body } = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, body, isTraced: transactionId !== undefined };
}

/** Whether auth knows the client by this secret: whatever it asks for, it is told so first. */
async function knows(auth: AppProcess, id: string, secret: string): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const answer = await fetch(`${auth.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(),
  });
  return answer.status !== 401;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 10_000; !(await holds()); await sleep(20)) {
    if (performance.now() > deadline) throw new Error('it does not come to be');
  }
}

describe('users and clients, while auth runs', () => {
  let folder: string;
  let auth: AppProcess;
  const secrets = { gateway: secret(), resource: secret(), audit: secret() };
  const environment = () => ({ USERS_FILE: join(folder, 'users.json') });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    await writeFile(join(folder, 'clients.json'), clientsFile(secrets));
    expect(await users(environment(), ['add', 'alice', '--scopes', 'documents:read'], PASSWORD)).toMatchObject({
      code: 0,
      err: '',
    });
    const settings = { ISSUER, SINGLE_AUTH: '1', CLIENTS_FILE: join(folder, 'clients.json'), ...environment() };
    auth = await AppProcess.start('auth', settings);
  });
  afterAll(async () => {
    await auth.stop();
    await rm(folder, { recursive: true });
  });

  it('whoever is disabled is told what anybody is with a wrong password, until enabled again', async () => {
    expect(await login(auth, 'alice', PASSWORD)).toMatchObject({ status: 200, body: { scope: 'documents:read' } });
    const wrong = await login(auth, 'alice', 'wrong');
    expect(wrong.status).toBe(401);
    expect((await users(environment(), ['disable', 'alice'])).code).toBe(0);
    await until(async () => (await login(auth, 'alice', PASSWORD)).status === 401);
    expect(await login(auth, 'alice', PASSWORD)).toEqual(wrong);
    expect((await users(environment(), ['enable', 'alice'])).code).toBe(0);
    await until(async () => (await login(auth, 'alice', PASSWORD)).status === 200);
  });

  it('another password takes the place of the first', async () => {
    const next = `${PASSWORD} 2`;
    expect((await users(environment(), ['passwd', 'alice'], next)).code).toBe(0);
    await until(async () => (await login(auth, 'alice', next)).status === 200);
    expect((await login(auth, 'alice', PASSWORD)).status).toBe(401);
  });

  it('a secret of a client is changed in steps, in none of which nobody is known', async () => {
    const next = secret();
    const write = async (...gateway: string[]): Promise<void> => {
      const file = JSON.parse(clientsFile(secrets)) as { clients: { secrets: string[] }[] };
      const [client] = file.clients;
      if (client) {
        client.secrets = gateway.map((one) => `sha256:${createHash('sha256').update(one).digest('base64url')}`);
      }
      await writeFile(join(folder, 'clients.json'), JSON.stringify(file));
    };
    expect([await knows(auth, 'gateway', secrets.gateway), await knows(auth, 'gateway', next)]).toEqual([true, false]);
    await write(secrets.gateway, next);
    await until(() => knows(auth, 'gateway', next));
    expect(await knows(auth, 'gateway', secrets.gateway)).toBe(true);
    await write(next);
    await until(async () => !(await knows(auth, 'gateway', secrets.gateway)));
    expect(await knows(auth, 'gateway', next)).toBe(true);
  });

  it('a file that is refused changes nothing, and is logged without its values', async () => {
    await writeFile(join(folder, 'clients.json'), '{"clients":[{"id":"gateway","secrets":["hunter2"]}]}');
    const line = await auth.wrote('CLIENTS_FILE is not as it must be at: clients.0.secrets.0');
    expect(line).not.toContain('hunter2');
    expect(await knows(auth, 'resource', secrets.resource)).toBe(true);
  });
});

describeWith(REDIS)('users in Redis, while auth runs', () => {
  let folder: string;
  let redis: TestServer;
  let auth: AppProcess;
  const environment = () => ({ REDIS_URL: redis.url });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    redis = await startOwnRedis();
    const secrets = { gateway: secret(), resource: secret(), audit: secret() };
    await writeFile(join(folder, 'clients.json'), clientsFile(secrets));
    auth = await AppProcess.start('auth', {
      ISSUER,
      CLIENTS_FILE: join(folder, 'clients.json'),
      KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ...environment(),
    });
    await auth.ready();
  });
  afterAll(async () => {
    await auth.stop();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  it('changes count at once, and the command knows when what was given before is revoked', async () => {
    const username = `u-${randomBytes(6).toString('hex')}`;
    expect(await users(environment(), ['add', username], PASSWORD)).toMatchObject({ code: 0, err: '' });
    expect((await login(auth, username, PASSWORD)).status).toBe(200);
    const { code, out } = await users(environment(), ['disable', username]);
    expect([code, out]).toEqual([0, `${username} is disabled; what was given before is revoked\n`]);
    expect((await login(auth, username, PASSWORD)).status).toBe(401);
  });

  it('nobody is told that a password is wrong while Redis is away', async () => {
    await redis.stop();
    const answer = await post(`${auth.url}/auth/login`, { username: 'alice', password: PASSWORD });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await answer.json()).toMatchObject({ code: 'store_unavailable' });
    expect(await users(environment(), ['list'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^users: Redis can not be reached: /) as string,
    });
  });
});
