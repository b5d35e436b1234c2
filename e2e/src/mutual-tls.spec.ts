import { describeWith, REDIS, TestCa, type TestCertificate } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { type AppName, AppProcess } from './app-process';
import { ISSUER } from './system';
import { TlsSystem } from './tls-system';

/** Longer than the files of certificates stay unread. */
const RENEWED_MS = 10_000;

describeWith(REDIS)('a system with TLS on every hop', () => {
  let system: TlsSystem;
  let alice: string;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    system = await TlsSystem.start();
    alice = await system.login('alice');
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  afterAll(async () => {
    expect(await system?.stop()).toEqual([0, 0, 0, 0]);
  });

  const document = (title: string) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title, body: '' }),
    token: alice,
  });

  it('logs in, and calls resource, which calls audit by RPC', async () => {
    const answer = await system.call('/api/documents', document('Plan'));
    expect(answer.status).toBe(201);
    const { hops } = (await (await system.call('/api/whoami', { token: alice })).json()) as {
      hops: { service: string; actor: string[] }[];
    };
    expect(hops.map(({ service, actor }) => [service, ...actor])).toEqual([
      ['gateway'],
      ['resource', 'gateway'],
      ['audit', 'resource', 'gateway'],
    ]);
  });

  it('has sessions that auth keeps in Redis', async () => {
    const { username, password } = system.accounts.bob;
    const body = JSON.stringify({ username, password });
    const headers = { 'content-type': 'application/json' };
    const login = await system.call('/auth/login', { method: 'POST', headers, body });
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const refreshed = await system.call('/auth/refresh', { method: 'POST', headers: { cookie, 'x-token-relay': '1' } });
    expect(refreshed.status).toBe(200);
  });

  it('tells every service what was revoked: by auth’s feed, and by Redis itself', async () => {
    const token = await system.login('carol');
    expect((await system.call('/api/documents', { token })).status).toBe(200);
    const answer = await system.call('/admin/revocations', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jti: decodeJwt(token).jti, reason: 'a test' }),
      token: await system.login('admin'),
    });
    expect(answer.status).toBe(201);
    const refused = await system.call('/api/documents', { token });
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'token_revoked' }]);
    for (const name of ['gateway', 'resource', 'audit'] as const) {
      await system.apps[name].wrote('revocations are up to date');
    }
  });

  it('relays a WebSocket, both ways over TLS', async () => {
    const url = `${system.at('gateway').replace('https', 'wss')}/live`;
    const client = new WebSocket(url, ['bearer', alice], { ca: system.ca.pem });
    await once(client, 'open');
    const heard = once(client, 'message');
    client.send('hello');
    expect(String((await heard)[0])).toBe('hello');
    client.terminate();
    expect(system.upgrades).toEqual([expect.stringContaining('DNS:gateway')]);
  });

  describe.each<AppName>(['auth', 'resource', 'audit'])('of %s', (name) => {
    const ask = async (presented: Partial<TestCertificate>): Promise<number | 'nothing'> =>
      system.callAs({ ca: system.ca.pem, ...presented }, `${system.at(name)}/healthz`).then(
        ({ status }) => status,
        () => 'nothing',
      );

    it('answers nothing to plain HTTP', async () => {
      await expect(fetch(`${system.apps[name].url.replace('https', 'http')}/healthz`)).rejects.toThrow('fetch failed');
    });

    it('answers one of those who may call, and nobody else', async () => {
      const stranger = await (await TestCa.create()).issue(['gateway', 'resource']);
      expect(await ask(await system.issue(name === 'audit' ? 'resource' : 'gateway'))).toBe(200);
      expect(await ask({})).toBe('nothing');
      expect(await ask({ ...stranger, ca: system.ca.pem })).toBe('nothing');
      expect(await ask(await system.issue('live'))).toBe('nothing');
      await system.apps[name].wrote('not in TLS_CLIENTS');
    });
  });

  describe('takes RPC at audit', () => {
    const message = JSON.stringify({ id: '1', pattern: 'audit.whoami', data: {} });
    const packet = `${message.length}#${message}`;
    const rpcPort = (): number => Number(new URL(system.apps.audit.addresses.rpc ?? '').port);

    async function say(presented: Partial<TestCertificate> | undefined): Promise<string> {
      const to = { port: rpcPort(), host: '127.0.0.1' };
      const socket = presented
        ? connect({ ...to, servername: 'localhost', ca: system.ca.pem, ...presented })
        : connectPlain(to);
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write(packet);
      // What is answered, or what is left when the connection ends.
      const heard = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
      return Promise.race([heard, text(socket).catch(() => ''), sleep(15_000, 'hangs', { ref: false })]);
    }

    it('from resource', async () => {
      expect(await say(await system.issue('resource'))).toContain('"code":"token_missing"');
    });

    it('from nobody in clear, without a certificate, or with one that is not on the list', async () => {
      expect(await say(undefined)).not.toContain('code');
      expect(await say({})).toBe('');
      expect(await say(await system.issue('gateway'))).toBe('');
      expect((await system.call('/api/documents', document('Afterwards'))).status).toBe(201);
    });
  });

  it('has operators’ commands that reach Redis with the certificate of auth', async () => {
    const command = resolve(__dirname, '../../apps/auth/dist/keys/cli.js');
    const { stdout } = await promisify(execFile)(process.execPath, [command, 'list'], {
      env: {
        PATH: process.env.PATH,
        ISSUER,
        REDIS_URL: system.redisUrl,
        KEY_ENCRYPTION_KEY: system.keyEncryptionKey,
        ...system.mounted.auth.environment,
      },
    });
    expect(JSON.parse(stdout)).toHaveProperty('keys');
  });

  it('uses certificates that were renewed, of every service, by another authority, without a restart', async () => {
    const before = Object.values(system.apps).map(({ pid }) => pid);
    const next = await TestCa.create('CN=Next CA');
    const both = system.ca.pem + next.pem;
    const names = ['gateway', 'auth', 'resource', 'audit'] as const;
    const put = async (issue: (name: string) => Promise<TestCertificate>, ca: string): Promise<void> => {
      const counts = names.map((name) => renewals(system.apps[name]));
      for (const name of names) system.mounted[name].put({ ...(await issue(name)), ca });
      for (const deadline = performance.now() + RENEWED_MS; performance.now() < deadline; await sleep(50)) {
        if (names.every((name, i) => renewals(system.apps[name]) > (counts[i] ?? 0))) return;
      }
      throw new Error('certificates were not renewed');
    };
    // First everybody trusts both; then all are of the next one. Redis is of the first one for good.
    await put((name) => system.issue(name), both);
    await put((name) => next.issue([name, 'localhost', '127.0.0.1']), both);
    const headers = { authorization: `Bearer ${alice}` };
    const documents = await system.callAs({ ca: next.pem }, `${system.at('gateway')}/api/documents`, { headers });
    expect(documents.status).toBe(200);
    await expect(system.callAs({ ca: system.ca.pem }, `${system.at('gateway')}/healthz`)).rejects.toThrow();
    expect(Object.values(system.apps).map(({ pid }) => pid)).toEqual(before);
  });

  it('does not start with some of the names only, and says which are missing', async () => {
    const { TLS_CERT_FILE } = system.mounted.audit.environment;
    const app = AppProcess.spawn('audit', {
      ISSUER,
      AUTH_URL: 'https://auth.test',
      AUDIT_CLIENT_SECRET: system.secrets.audit,
      TLS_CERT_FILE,
    });
    expect(await app.exited()).toBe(1);
    expect(app.lines.join('\n')).toMatch(/TLS_KEY_FILE: is missing.*TLS_CA_FILE: is missing/s);
  });
});

function renewals({ lines }: AppProcess): number {
  return lines.filter((line) => line.includes('renewed certificates are in use')).length;
}
