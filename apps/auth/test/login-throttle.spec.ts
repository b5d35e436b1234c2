import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { describeWith, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import argon2 from 'argon2';
import Redis from 'ioredis';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from '../src/app.module';
import { loadAuthConfig } from '../src/auth.config';
import { PASSWORDS_AT_ONCE } from '../src/users/password-capacity';
import { openState } from '../src/auth-state';
import { ARGON2ID } from '../src/users/argon2id';
import { type Answer, AuthApp, ISSUER } from './auth-app';

let addresses = 0;
/** One that nobody has come from yet. */
const newAddress = (): string => `for=10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses++ & 255}`;

function login(auth: AuthApp, username: string, password: string, headers: Record<string, string>): Promise<Answer> {
  const body = JSON.stringify({ username, password });
  return auth.post('/auth/login', body, { 'content-type': 'application/json', ...headers });
}

/** As the gateway passes it on, from an address of its own unless another is said. */
function throughGateway(auth: AuthApp, username: string, password: string, forwarded = newAddress()): Promise<Answer> {
  return login(auth, username, password, { authorization: auth.basic('gateway'), forwarded });
}

const said = ({ status, body, headers }: Answer) => ({
  status,
  code: body.code,
  retryAfter: headers.get('retry-after'),
});
const WRONG = { status: 401, code: 'invalid_credentials', retryAfter: null };
const slowedDown = { status: 429, code: 'too_many_attempts' };

/** @param auths one, or two that share what they know */
function describeLogins(auths: () => readonly AuthApp[]): void {
  const auth = (i = 0): AuthApp => auths()[i % auths().length] as AuthApp;

  it('slows down who guesses, and answers alike for users and for others', async () => {
    for (const username of ['alice', 'nobody', `nobody-${randomBytes(8).toString('hex')}`]) {
      const answers: Answer[] = [];
      for (let i = 0; i < 6; i++) answers.push(await throughGateway(auth(i), username, 'wrong'));
      expect(answers.slice(0, 5).map(said)).toEqual([WRONG, WRONG, WRONG, WRONG, WRONG]);
      const last = said(answers[5] as Answer);
      expect(last).toMatchObject(slowedDown);
      expect(last.retryAfter).toMatch(/^[1-5]$/);
      expect(answers[5]?.body).toMatchObject({ title: 'Too Many Requests' });
    }
    // The right password too, at each.
    for (const i of [0, 1]) expect(said(await throughGateway(auth(i), 'alice', 'p'))).toMatchObject(slowedDown);
    expect((await throughGateway(auth(), 'bob', 'p')).status).toBe(200);
  });

  it('looks at five of 50 passwords that come at once', async () => {
    const verify = jest.spyOn(argon2, 'verify');
    const username = `crowd-${randomBytes(8).toString('hex')}`;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => throughGateway(auth(i), username, 'wrong')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(45);
    expect(verify).toHaveBeenCalledTimes(5);
  });

  it('forgets the failures of who logs in', async () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) expect(said(await throughGateway(auth(i), 'admin', 'wrong'))).toEqual(WRONG);
      expect((await throughGateway(auth(round), 'admin', 'p')).status).toBe(200);
    }
  });

  it('slows down an address that the gateway names, and none that anybody else does', async () => {
    // Nothing of this is about how long a password takes.
    jest.spyOn(argon2, 'verify').mockResolvedValue(false);
    const names = (): string => `nobody-${randomBytes(8).toString('hex')}`;
    const [address, other] = [newAddress(), newAddress()];
    for (let i = 0; i < 100; i++) expect((await throughGateway(auth(i), names(), 'wrong', address)).status).toBe(401);
    expect(said(await throughGateway(auth(), names(), 'wrong', address))).toMatchObject(slowedDown);
    expect(said(await throughGateway(auth(), names(), 'wrong', other))).toEqual(WRONG);
    // From where it really comes, which has done nothing.
    const others: Record<string, string>[] = [{}, { authorization: auth().basic('resource') }];
    for (const headers of others) {
      expect(said(await login(auth(), names(), 'wrong', { forwarded: address, ...headers }))).toEqual(WRONG);
    }
  });

  it('verifies as many passwords at once as there is room for, lets 50 wait, and counts nothing for the others', async () => {
    const atOnce = PASSWORDS_AT_ONCE;
    let release = (): void => undefined;
    const held = new Promise<boolean>((resolve) => (release = () => resolve(false)));
    const verify = jest.spyOn(argon2, 'verify').mockReturnValue(held);
    const answers: { readonly name: string; readonly answer: Answer }[] = [];
    const logins = Array.from({ length: atOnce + 60 }, async () => {
      const name = `nobody-${randomBytes(8).toString('hex')}`;
      answers.push({ name, answer: await throughGateway(auth(), name, 'wrong') });
    });
    // Who is let in stays until it is released: those that are answered before are the others.
    while (answers.length < 10) await sleep(5);
    expect(verify).toHaveBeenCalledTimes(atOnce);
    release();
    await Promise.all(logins);
    const busy = { status: 503, code: 'login_busy', retryAfter: '2' };
    expect(answers.map(({ answer }) => said(answer))).toEqual([
      ...Array.from({ length: 10 }, () => busy),
      ...Array.from({ length: atOnce + 50 }, () => WRONG),
    ]);
    expect(verify).toHaveBeenCalledTimes(atOnce + 50);
    const name = answers[0]?.name ?? '';
    for (let i = 0; i < 5; i++) expect(said(await throughGateway(auth(), name, 'wrong'))).toEqual(WRONG);
    expect(said(await throughGateway(auth(), name, 'wrong'))).toMatchObject(slowedDown);
  });

  it('refuses who presents credentials that are wrong, and challenges', async () => {
    const answer = await login(auth(), 'bob', 'p', { authorization: auth().basic('gateway', 'x'.repeat(43)) });
    expect(said(answer)).toMatchObject({ status: 401, code: 'invalid_client' });
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="oauth"');
  });
}

describe('logins at an auth that has all in its memory', () => {
  let auth: AuthApp;

  beforeAll(async () => {
    auth = await AuthApp.start();
  });
  afterAll(() => auth.stop());

  describeLogins(() => [auth]);
});

describeWith(REDIS)('logins at two auths on one Redis', () => {
  let redis: OwnRedis;
  let client: Redis;
  const auths: AuthApp[] = [];

  beforeAll(async () => {
    redis = await startOwnRedis();
    client = new Redis(redis.url);
    const environment = { REDIS_URL: redis.url, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    auths.push(await AuthApp.start(environment), await AuthApp.start(environment));
  });
  afterAll(async () => {
    for (const auth of auths) await auth.stop();
    client.disconnect();
    await redis.stop();
  });

  describeLogins(() => auths);

  it('leave no name in Redis, and nothing that is kept for longer than six hours', async () => {
    const [auth] = auths as [AuthApp];
    for (let i = 0; i < 6; i++) await throughGateway(auth, 'typed-as-a-name', 'wrong', 'for="[2001:db8:1:2:3::4]"');
    const keys = (await client.keys('tr:*')).filter((key) => key.includes('{login:'));
    const digest = createHash('sha256').update('typed-as-a-name').digest('hex');
    expect(keys).toContain(`tr:{login:account:${digest}}:gate`);
    expect(keys).toContain('tr:{login:address:2001:db8:1:2::/64}:free');
    expect(keys.join(' ')).not.toMatch(/typed|alice|nobody/);
    for (const key of keys) {
      // -1 is for ever; one that is for a moment only may have gone meanwhile.
      const left = await client.pttl(key);
      expect([left === -1, left <= 6 * 3_600_000]).toEqual([false, true]);
    }
  });

  it('are refused while Redis does not answer', async () => {
    redis.signal('SIGSTOP');
    try {
      const answer = await throughGateway(auths[0] as AuthApp, 'alice', 'p');
      expect(said(answer)).toEqual({ status: 503, code: 'store_unavailable', retryAfter: '2' });
    } finally {
      redis.signal('SIGCONT');
    }
  });
});

describe('what auth logs of logins', () => {
  it('holds neither names nor passwords, and tells once of each delay', async () => {
    const lines: string[] = [];
    const { app, url, stop } = await startLogging(lines);
    try {
      for (const [username, password] of [
        ...Array.from({ length: 8 }, () => ['hunter-the-user', 'wrong-password'] as const),
        ...Array.from({ length: 8 }, () => ['hunter2-typed-as-a-name', 'wrong-password'] as const),
        ['right-user', 'right-password'],
      ] as const) {
        await fetch(`${url}/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username, password }),
        });
      }
    } finally {
      await app.close();
      stop();
    }
    const log = lines.join('');
    expect(log).not.toMatch(/hunter|right-|wrong-/);
    const of = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 12);
    const delays = lines.filter((line) => line.includes('has to wait')).map((line) => JSON.parse(line) as object);
    expect(delays).toMatchObject([
      { level: 40, account: of('hunter-the-user'), delaySeconds: 5 },
      { level: 40, account: of('hunter2-typed-as-a-name'), delaySeconds: 5 },
    ]);
    expect(log).toContain('"code":"too_many_attempts"');
    expect(log).toMatch(/"path":"\/auth\/login".*"status":200/);
  });
});

/** An auth with one user that writes its log to `lines`, all of it. */
async function startLogging(lines: string[]): Promise<{ app: NestFastifyApplication; url: string; stop: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'auth-'));
  const passwordHash = await argon2.hash('right-password', ARGON2ID);
  const user = { username: 'right-user', sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11', passwordHash, scopes: ['a'] };
  writeFileSync(join(folder, 'users.json'), JSON.stringify({ users: [user] }));
  writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients: [] }));
  const config = loadAuthConfig({
    ISSUER,
    USERS_FILE: join(folder, 'users.json'),
    CLIENTS_FILE: join(folder, 'clients.json'),
    SINGLE_AUTH: '1',
  });
  const destination = { write: (text: string) => void lines.push(...text.trimEnd().split('\n')) };
  const logger = createLogger('auth', { LOG_LEVEL: 'trace', LOG_FORMAT: 'json' }, destination);
  const state = await openState(config, logger);
  const app = await createHttpApp(AppModule.forRoot(config, state, logger), { logger, bodies: 'json-and-forms' });
  await app.listen(0, '127.0.0.1');
  await state.log.start();
  return { app, url: await app.getUrl(), stop: () => rmSync(folder, { recursive: true }) };
}
