import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { authOrigin, ConfigError, flag, loadConfig, type Mode, origin, port, rpcAddress, secret, url } from './config';

/** With a certificate, and without asking for TLS. */
const ANY = { TLS_CERT_FILE: '/tls.crt', DANGEROUSLY_ALLOW_HTTP: '1' };
const STRONG = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT';

describe('loadConfig', () => {
  const problemsOf = (load: () => unknown): Record<string, string> => {
    try {
      load();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return Object.fromEntries(error.problems.map(({ name, reason }) => [name, reason]));
    }
    return {};
  };

  it('takes keys without TLS only from whoever is told to', () => {
    const load = (environment: Record<string, string>) =>
      problemsOf(() => loadConfig(() => ({ AUTH_URL: authOrigin(environment) }), environment));
    expect(load({ AUTH_URL: 'https://auth' })).toEqual({});
    expect(load({ AUTH_URL: 'http://auth', DANGEROUSLY_ALLOW_HTTP: '1' })).toEqual({});
    expect(load({ AUTH_URL: 'http://auth' })).toEqual({ AUTH_URL: expect.stringContaining('without TLS') as string });
  });

  it('takes whatever is not said for production', () => {
    const modes: Mode[] = [];
    const config = loadConfig((mode) => (modes.push(mode), {}), {});
    expect(config).toEqual({
      NODE_ENV: 'production',
      DRAIN_SECONDS: 5,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
    });
    expect(problemsOf(() => loadConfig((mode) => (modes.push(mode), {}), { NODE_ENV: 'staging' }))).toHaveProperty(
      'NODE_ENV',
    );
    expect(modes).toEqual(['production', 'production']);
  });

  it('names all that is missing or wrong at once, and shows no value', () => {
    const shape = () => ({ PORT: port(), ISSUER: origin(), NAME: z.string() });
    const load = () => loadConfig(shape, { PORT: '99999', ISSUER: 'nonsense-value', LOG_LEVEL: 'shouting-value' });
    expect(Object.keys(problemsOf(load)).sort()).toEqual(['ISSUER', 'LOG_LEVEL', 'NAME', 'PORT']);
    expect(load).toThrow(/NAME: is missing/);
    expect(load).not.toThrow(/-value|99999/);
  });

  it('says what is wrong with leaving a name out, where a rule about its default does', () => {
    const shape = () => ({ SURE: flag().refine((sure) => sure, 'must be 1 here') });
    expect(problemsOf(() => loadConfig(shape, {}))).toEqual({ SURE: 'must be 1 here' });
    expect(problemsOf(() => loadConfig(shape, { SURE: '1' }))).toEqual({});
  });

  it('finds a value in a file, prefers the value itself, and names a file that is not there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    const path = join(folder, 'value');
    writeFileSync(path, 'from the file\n');
    const load = (environment: Record<string, string>) => loadConfig(() => ({ NAME: z.string() }), environment).NAME;
    expect(load({ NAME_FILE: path })).toBe('from the file');
    expect(load({ NAME: '', NAME_FILE: path })).toBe('from the file');
    expect(load({ NAME: 'itself', NAME_FILE: path })).toBe('itself');
    rmSync(folder, { recursive: true });
    expect(problemsOf(() => load({ NAME_FILE: path }))).toEqual({ NAME: 'NAME_FILE can not be read' });
  });

  it.each([
    ['port', port(), '65535', '65536'],
    ['port', port(), '0', '-1'],
    ['port', port(), '80', '80.5'],
    ['port', port(), '80', 'http'],
    ['flag', flag(), '1', 'true'],
    ['url', url(), 'http://a.test/b', 'ftp://a.test'],
    ['origin', origin(), 'https://a.test:8443', 'https://a.test/'],
    ['origin', origin(), 'http://a.test', 'http://a.test/path'],
    ['rpcAddress', rpcAddress(ANY), 'tcp://audit:4003', 'tcp://audit'],
    ['rpcAddress', rpcAddress(ANY), 'tls://audit:4003', 'tls://audit'],
    ['rpcAddress', rpcAddress(ANY), 'tcp://audit:4003', 'http://audit:4003'],
    ['rpcAddress', rpcAddress(ANY), 'tcp://audit:65535', 'tcp://audit:65536'],
    ['rpcAddress', rpcAddress({ TLS_CERT_FILE: '/tls.crt' }), 'tls://audit:4003', 'tcp://audit:4003'],
    ['rpcAddress', rpcAddress({ DANGEROUSLY_ALLOW_HTTP: '1' }), 'tcp://audit:4003', 'tls://audit:4003'],
  ])('a %s', (_name, schema, taken, refused) => {
    expect(schema.safeParse(taken).success).toBe(true);
    expect(schema.safeParse(refused).success).toBe(false);
  });

  it.each<[string, Mode, string, boolean]>([
    ['of 32 bytes', 'production', STRONG, true],
    ['of 31 bytes', 'production', STRONG.slice(1), false],
    ['of one character', 'production', 'a'.repeat(64), false],
    ['of a tutorial', 'production', 'a-string-secret-at-least-256-bits-long', false],
    ['generated for development, in development', 'development', `dev-only-${STRONG}`, true],
    ['generated for development, in production', 'production', `dev-only-${STRONG}`, false],
  ])('a secret %s, in %s', (_what, mode, value, taken) => {
    expect(secret(mode).safeParse(value).success).toBe(taken);
  });
});
