import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppName, AppProcess } from './app-process';
import { ISSUER, secret, shared } from './system';

/** Starts what must not start. */
async function refusal(name: AppName, environment: Record<string, string>): Promise<string> {
  const app = AppProcess.spawn(name, environment);
  expect(await app.exited()).toBe(1);
  expect(app.url).toBe('');
  return app.lines.join('\n');
}

const gatewayEnvironment = () => ({
  RESOURCE_URL: 'http://127.0.0.1:9',
  GATEWAY_CLIENT_SECRET: secret(),
  ...shared('http://127.0.0.1:9'),
});

describe('a start', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each<[AppName, string[]]>([
    ['auth', ['ISSUER', 'USERS_FILE', 'GATEWAY_CLIENT_SECRET', 'RESOURCE_CLIENT_SECRET']],
    ['gateway', ['ISSUER', 'AUTH_URL', 'RESOURCE_URL', 'GATEWAY_CLIENT_SECRET']],
    ['resource', ['ISSUER', 'AUTH_URL', 'AUDIT_URL', 'RESOURCE_CLIENT_SECRET']],
    ['audit', ['ISSUER', 'AUTH_URL']],
  ])('of %s without a configuration names all that is missing', async (name, missing) => {
    const said = await refusal(name, {});
    for (const variable of missing) expect(said).toContain(`${variable}: is missing`);
    expect(said).not.toContain('    at ');
  });

  it('with bad values names each and shows none', async () => {
    const said = await refusal('gateway', {
      PORT: '70000',
      ISSUER: 'not-a-url-7',
      AUTH_URL: 'http://auth.test/with/a/path',
      RESOURCE_URL: 'ftp://resource.test',
      GATEWAY_CLIENT_SECRET: 'too-short-7',
      DEMO: 'maybe-7',
      LOG_LEVEL: 'loud-7',
    });
    for (const name of ['PORT', 'ISSUER', 'AUTH_URL', 'RESOURCE_URL', 'GATEWAY_CLIENT_SECRET', 'DEMO', 'LOG_LEVEL']) {
      expect(said).toContain(`${name}: `);
    }
    for (const value of ['70000', '-7', 'auth.test', 'resource.test']) expect(said).not.toContain(value);
  });

  it.each([
    ['one byte short', 'abcdefghijklmnopqrstuvwxyz01234'],
    ['long and of one character', 'x'.repeat(64)],
    ['out of a tutorial', 'your-256-bit-secret-your-256-bit-secret'],
    ['generated for development', 'dev-only-b3Zlci10aGUtcmFpbmJvdy1hbmQtZmFyLWF3YXk'],
  ])('in production refuses a secret that is %s', async (_what, weak) => {
    const said = await refusal('gateway', { ...gatewayEnvironment(), GATEWAY_CLIENT_SECRET: weak });
    expect(said).toContain('GATEWAY_CLIENT_SECRET');
    expect(said).not.toContain(weak);
  });

  it('takes a secret from a file', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, `${secret()}\n`);
    const environment = {
      ...gatewayEnvironment(),
      GATEWAY_CLIENT_SECRET: '',
      GATEWAY_CLIENT_SECRET_FILE: path,
    };
    const app = await AppProcess.start('gateway', environment);
    expect(await app.stop()).toBe(0);
  });

  it('refuses keys over http unless that is asked for in so many words', async () => {
    const said = await refusal('gateway', { ...gatewayEnvironment(), DANGEROUSLY_ALLOW_HTTP: '0' });
    expect(said).toContain('dangerouslyAllowHttp');
  });

  it('refuses users that were generated for development, and a file that is none', async () => {
    const environment = {
      ISSUER,
      GATEWAY_CLIENT_SECRET: secret(),
      RESOURCE_CLIENT_SECRET: secret(),
      USERS_FILE: join(folder, 'users.json'),
    };
    await writeFile(environment.USERS_FILE, JSON.stringify({ generatedBy: 'dev-secrets', users: [] }));
    expect(await refusal('auth', environment)).toContain('refused in production');
    await writeFile(environment.USERS_FILE, 'alice:secret');
    const said = await refusal('auth', environment);
    expect(said).toContain('USERS_FILE');
    expect(said).not.toContain('alice');
  });

  it('refuses access tokens that live over 15 minutes', async () => {
    expect(await refusal('auth', { ISSUER, ACCESS_TOKEN_SECONDS: '901' })).toContain(
      'ACCESS_TOKEN_SECONDS: must be 900',
    );
  });

  it('on a port that is taken says so', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as AddressInfo;
    expect(await refusal('gateway', { ...gatewayEnvironment(), PORT: String(port) })).toContain('EADDRINUSE');
    await new Promise((resolve) => squatter.close(resolve));
  });

  it('waits for what it depends on, and names what does not get ready', async () => {
    const ready = createServer((_request, response) => response.end('{"service":"auth"}'));
    await new Promise<void>((resolve) => ready.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(ready.address() as AddressInfo).port}`;
    const app = AppProcess.spawn('gateway', {
      ...gatewayEnvironment(),
      WAIT_FOR: `auth=${url}/readyz,audit=http://127.0.0.1:9/readyz`,
    });
    await app.wrote('auth      ready');
    expect(app.url).toBe('');
    expect(await app.exited()).toBe(1);
    expect(app.lines.join('\n')).toContain('not ready after 20 s: audit (http://127.0.0.1:9/readyz');
    ready.closeAllConnections();
    await new Promise((resolve) => ready.close(resolve));
  });
});

describe('the end', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('by %s lets a request finish, and exits with 0', async (signal) => {
    let answer: (() => void) | undefined;
    const slow = createServer((_request, response) => (answer = () => response.end('{"keys":[]}')));
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const authUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const app = await AppProcess.start('gateway', { ...gatewayEnvironment(), AUTH_URL: authUrl });
    const pending = fetch(`${app.url}/.well-known/jwks.json`);
    while (!answer) await new Promise((go) => setTimeout(go, 10));
    await new Promise((go) => setTimeout(go, 200));
    app.signal(signal);
    await app.wrote('shutting down');
    slow.close();
    answer();
    expect((await pending).status).toBe(200);
    slow.closeAllConnections();
    expect(await app.exited()).toBe(0);
  });

  it('comes at once before the start is done', async () => {
    const early = AppProcess.spawn('gateway', gatewayEnvironment());
    early.signal('SIGTERM');
    // Before Node has run a line of ours the signal itself ends it.
    expect(['SIGTERM', 0]).toContain(await early.exited());
  });
});
