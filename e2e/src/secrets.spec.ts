import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process';
import {
  expectNoSecrets,
  remember,
  rememberAnswer,
  rememberEnvironment,
  takeFindings,
  watchForSecrets,
} from './secrets';
import { secret } from './system';

describe('what a process has written', () => {
  const OWN = secret();
  const OPAQUE = 'ABCDEFGHIJKLMNOPQRSTUVWX';
  /** With what JSON and URLs escape. */
  const ODD = 'a "quoted" secret/with+all';
  beforeAll(() => {
    remember('a secret', OWN, ODD, 'seven77', 'eight888');
    rememberEnvironment({ KEY_DECRYPTION_KEYS: 'key-number-1,key-number-2', REDIS_URL: 'redis://a:open%40sesame@b:1' });
    rememberAnswer(['session=cookie-value; Secure'], '{"access_token":"an-opaque-token-of-the-issuer"}');
  });

  it.each([
    ['a token', 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln'],
    ['a token', 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIi'],
    ['a token', 'got eyJhbGciOiJFUzI1NiJ9%2EeyJzdWIi'],
    ['a part of a token', `got eyJzdWIiOiJhbGljZSJ9${OPAQUE}`],
    ['a refresh token', 'rt_abcdefghijkl'],
    ['a refresh token', 'is\\nrt_abcdefghijkl'],
    ['a refresh token', '/a%2Frt_abcdefghijkl'],
    ['the value of a cookie', 'set __Host-refresh=abcd'],
    ['the authorization of a client', 'sent Basic Z2F0ZXdheTpzZWNyZXQ='],
    ['the authorization of a client', `sent Bearer ${OPAQUE}`],
    ['the authorization of a client', `sent bearer%20${OPAQUE}`],
    ['the hash of a password', '$argon2id$v=19$m=1'],
    ['a private key', '-----BEGIN EC PRIVATE KEY-----'],
    ['a private JWK', `{\\"kty\\":\\"EC\\",\\"d\\":\\"${OPAQUE}`],
    ['a secret', JSON.stringify(ODD)],
    ['a secret', encodeURIComponent(ODD)],
    ...['', 'a', 'ab'].flatMap<[string, string]>((before) => [
      ['a secret', Buffer.from(`${before}${OWN}:`).toString('base64')],
      ['a secret', Buffer.from(`${before}${ODD}:`).toString('base64url')],
    ]),
    ['a password in an URL', 'redis://auth:hunter2@redis'],
    ['a secret', `x${OWN}y`],
    ['a secret', 'eight888'],
    ['KEY_DECRYPTION_KEYS', 'key-number-2'],
    ['the password in REDIS_URL', 'open@sesame'],
    ['the value of a cookie', 'cookie-value'],
    ['the end of a token', 'n-opaque-token-of-the-issuer'],
  ])('may not hold %s: %s', (what, line) => {
    const check = () => expectNoSecrets('auth', ['{"msg":"good"}', `${'.'.repeat(40)}${line}`]);
    expect(check).toThrow(`auth has written secrets:\nline 2: ${what}, in `);
    expect(check).not.toThrow(line.slice(-6));
  });

  it.each(['seven77', 'rt_abcdefghijk', '__Host-refresh=[redacted]', 'Basic [redacted]', 'redis://[redacted]@redis'])(
    'may hold %s',
    (line) => expect(() => expectNoSecrets('auth', [line])).not.toThrow(),
  );

  it('is told at the end of the tests, though nobody waits for the end of the process', () => {
    const lines = ['started'];
    const lookThrough = watchForSecrets('auth', lines);
    lines.push(`with ${OWN}`);
    expect(lookThrough).toThrow('auth has written secrets:\nline 2: a secret, in with ');
    expect(takeFindings()).toEqual([expect.objectContaining({ message: expect.stringContaining('line 2') as string })]);
    expect(takeFindings()).toEqual([]);
  });

  it('is looked at when it ends, however it does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    try {
      const telltale = join(folder, 'telltale.cjs');
      await writeFile(telltale, 'console.log(`started with ${process.env.GATEWAY_CLIENT_SECRET}`);');
      const environment = { GATEWAY_CLIENT_SECRET: secret(), NODE_OPTIONS: `--require ${telltale}` };
      await expect(AppProcess.spawn('gateway', environment).exited()).rejects.toThrow(
        'gateway has written secrets:\nline 1: GATEWAY_CLIENT_SECRET, in started with',
      );
      expect(takeFindings()).toHaveLength(1);
      // The same, with nothing told.
      await writeFile(telltale, '');
      await expect(AppProcess.spawn('gateway', environment).exited()).resolves.toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
