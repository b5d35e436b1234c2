import { generateTestKey, JwksServer, TestClock, TestIssuer } from '@token-relay/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecisionTrace } from '../core/explain-token';
import { explainCommand } from './explain-command';

describe('jwt-guard explain', () => {
  let issuer: TestIssuer;
  let server: JwksServer;
  let directory: string;
  let expectations: string[];

  beforeAll(async () => {
    issuer = await TestIssuer.create({ clock: new TestClock(Math.floor(Date.now() / 1000)) });
    server = await JwksServer.start(issuer.jwks);
    directory = await mkdtemp(join(tmpdir(), 'jwt-guard-'));
    expectations = ['--issuer', issuer.issuer, '--audience', 'resource', '--alg', 'ES256'];
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  async function run(args: string[], input = '', colors = false) {
    let [out, err] = ['', ''];
    const exitCode = await explainCommand(args, {
      colors,
      readInput: () => Promise.resolve(input),
      write: (text) => (out += text),
      warn: (text) => (err += text),
    });
    return { exitCode, out, err };
  }

  it('exits with 0 for a token that is accepted', async () => {
    const args = ['explain', '--jwks', server.url, '--dangerously-allow-http', ...expectations];
    const { exitCode, out, err } = await run([...args, await issuer.token()]);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^accepted\n/);
    expect(out).toContain(`"${issuer.key.kid}" (ES256), from ${server.url}`);
    expect(out).toMatch(/time left: (5 minutes|4 minutes 5\d seconds)/);
  });

  it('exits with 1 for one that is rejected, and says what was expected', async () => {
    const args = ['explain', '--jwks', server.url, '--dangerously-allow-http', ...expectations];
    const { exitCode, out } = await run([...args, await issuer.token({ aud: 'audit' })]);
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^rejected: audience_mismatch \(401\)/);
    expect(out).toMatch(/✗ aud\n +expected: one of resource\n +actual: +"audit"/);
  });

  it('exits with 2 when it can not tell: without keys, though it says what would be wrong besides', async () => {
    const { exitCode, out } = await run(['explain', ...expectations, await issuer.token({ aud: 'audit' })]);
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^undecided: keys_unavailable/);
    expect(out).toContain('actual:   "audit"');
  });

  it('exits with 2 when the keys can not be had', async () => {
    server.status = 500;
    try {
      const args = ['explain', '--jwks', server.url, '--dangerously-allow-http', ...expectations];
      const { exitCode, out } = await run([...args, await issuer.token()]);
      expect(exitCode).toBe(2);
      expect(out).toContain('answered with status 500');
    } finally {
      server.status = 200;
    }
  });

  it('reads the token from standard input, and the keys from a file', async () => {
    const file = join(directory, 'jwks.json');
    await writeFile(file, JSON.stringify(issuer.jwks));
    const token = await issuer.token();
    expect((await run(['explain', '--jwks', file, ...expectations], `${token}\n`)).exitCode).toBe(0);
    expect((await run(['explain', '--jwks', file, ...expectations, '-'], token)).exitCode).toBe(0);
  });

  it('says which expectations it took from the token', async () => {
    const file = join(directory, 'own.json');
    await writeFile(file, JSON.stringify(issuer.jwks));
    const { exitCode, out } = await run(['explain', '--jwks', file, await issuer.token()]);
    expect(exitCode).toBe(0);
    expect(out).toContain('--issuer was not given');
    expect(out).toContain('--audience was not given');
    const given = await run(['explain', '--jwks', file, ...expectations, await issuer.token()]);
    expect(given.out).not.toContain('was not given');
  });

  it('takes profile, lifetime and tolerance', async () => {
    const file = join(directory, 'options.json');
    await writeFile(file, JSON.stringify(issuer.jwks));
    const now = issuer.clock.now();
    const plain = await issuer.token({ client_id: undefined, iat: now - 30, exp: now - 20 + 1_000 }, { typ: 'JWT' });
    const with_ = async (...args: string[]) =>
      (await run(['explain', '--jwks', file, ...expectations, ...args, plain])).exitCode;
    expect(await with_()).toBe(1);
    expect(await with_('--profile', 'generic')).toBe(0);
    expect(await with_('--profile', 'generic', '--max-lifetime', '1009')).toBe(1);
    expect(await with_('--profile', 'generic', '--max-lifetime', '1010')).toBe(0);
    const late = await issuer.token({ iat: now - 300, exp: now - 30 });
    const tolerated = async (seconds: string) =>
      (await run(['explain', '--jwks', file, ...expectations, '--tolerance', seconds, late])).exitCode;
    expect([await tolerated('10'), await tolerated('60')]).toEqual([1, 0]);
  });

  it('prints the trace for machines', async () => {
    const { out } = await run(['explain', '--json', ...expectations, await issuer.token({ aud: 'audit' })]);
    const trace = JSON.parse(out) as DecisionTrace & { notes: string[] };
    expect(trace).toMatchObject({ outcome: 'undecided', code: 'keys_unavailable', notes: [] });
    expect(trace.stages).toHaveLength(6);
  });

  it('colours for a terminal, and nowhere else', async () => {
    const token = await issuer.token();
    // eslint-disable-next-line no-control-regex
    expect((await run(['explain', token], '', true)).out).toMatch(/\x1b\[/);
    // eslint-disable-next-line no-control-regex
    expect((await run(['explain', token], '', false)).out).not.toMatch(/\x1b/);
  });

  it('prints nothing that a terminal would act on, wherever it comes from', async () => {
    const evil = '\u001b[31m\u009b2J\n\u202e\u{e0041}evil';
    const file = join(directory, 'evil.json');
    const key = { ...issuer.jwks.keys[0], kid: evil };
    await writeFile(file, JSON.stringify({ keys: [key, { ...key, kid: `${evil}2`, use: 'enc' }] }));
    const unusable = join(directory, 'unusable.json');
    await writeFile(unusable, JSON.stringify({ keys: [{ ...key, use: 'enc' }] }));
    const tokens = [
      await issuer.token({ aud: [evil, 5] }),
      await issuer.token({ iss: evil, aud: evil }, { kid: evil }),
    ];
    for (const token of tokens) {
      for (const args of [
        ['--jwks', file],
        ['--jwks', unusable],
        ['--jwks', evil],
        ['--profile', evil],
        ['--json'],
        [],
      ]) {
        const { out, err } = await run(['explain', ...args, token]);
        // eslint-disable-next-line no-control-regex
        expect(`${out}${err}`).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]|\u{e0041}|^evil/mu);
      }
    }
  });

  it('never shows a signature', async () => {
    const token = await issuer.token();
    for (const args of [[], ['--json']]) {
      expect((await run(['explain', ...args, token])).out).not.toContain(token.split('.')[2]);
    }
  });

  it.each<[string, string[], RegExp]>([
    ['no token', ['explain'], /no token/],
    ['two tokens', ['explain', 'a', 'b'], /more than one token/],
    ['another command', ['verify', 'a'], /explain/],
    ['an unknown option', ['explain', '--nope', 'a'], /nope/],
    ['an unknown algorithm', ['explain', '--alg', 'none', 'a'], /algorithms/],
    ['an unknown profile', ['explain', '--profile', 'x', 'a'], /profile/],
    ['an address without TLS', ['explain', '--jwks', 'http://127.0.0.1/jwks', 'a'], /https/],
    ['a file that is not there', ['explain', '--jwks', '/nowhere/jwks.json', 'a'], /can not be read/],
    ['a lifetime that is no number', ['explain', '--max-lifetime', 'long', 'a'], /dangerouslyMaxLifetimeSeconds/],
  ])('exits with 2 and one line for %s', async (_name, args, line) => {
    const { exitCode, out, err } = await run(args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(line);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('Usage: jwt-guard') as string,
    });
    expect((await run([])).exitCode).toBe(2);
  });

  it('finds the key of a token among others', async () => {
    const second = await generateTestKey('RS256');
    const file = join(directory, 'two.json');
    await writeFile(file, JSON.stringify({ keys: [...issuer.jwks.keys, second.publicJwk] }));
    const { out, exitCode } = await run(['explain', '--jwks', file, await issuer.token({}, {}, second)]);
    expect(exitCode).toBe(0);
    expect(out).toContain(`"${second.kid}" (RS256)`);
  });
});
