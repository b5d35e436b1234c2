import { hostileTokens, JwksServer, TestClock, TestIssuer } from '@token-relay/testing';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const page = readFileSync(resolve(__dirname, '../../../docs/interop.md'), 'utf8');

/** A Python that has PyJWT: the first one on the path may be another than the system's, which packages are for. */
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import jwt, cryptography']).status === 0,
);
// In the gate, where nothing is skipped, .ci/run has installed it.
const withPyJwt = python === undefined && process.env.CI === undefined ? describe.skip : describe;

/** Hostile to us, but not to PyJWT, as the docs list it. A later version, or a patch, may refuse some. */
const TAKEN = [...page.matchAll(/^- `(\w+)`: /gm)].map(([, code]) => code).sort();

withPyJwt('PyJWT, with the function from the docs', () => {
  let issuer: TestIssuer;
  let jwks: JwksServer;

  beforeAll(async () => {
    issuer = await TestIssuer.create({ audience: 'documents', clock: new TestClock(Math.floor(Date.now() / 1000)) });
    jwks = await JwksServer.start(issuer.jwks);
  });
  afterAll(() => jwks.stop());

  /** Runs the docs' code, with our issuer for the one in there, and then `script`, which prints JSON. */
  async function run(script: string, { changed = (code: string) => code, input = {} } = {}): Promise<unknown> {
    const [, code = ''] = /^```python\n([\s\S]*?)\n```$/m.exec(page) ?? [];
    const placed = [
      ['"https://issuer.example/.well-known/jwks.json"', JSON.stringify(jwks.url)],
      ['"https://issuer.example"', JSON.stringify(issuer.issuer)],
    ].reduce((text, [from = '', to = '']) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, code);
    const program = [changed(placed), 'import json, sys, time', 'given = json.load(sys.stdin)', VERDICT, script];
    const running = promisify(execFile)(python ?? 'python3', ['-c', program.join('\n')]);
    running.child.stdin?.end(JSON.stringify(input));
    const { stdout } = await running;
    return JSON.parse(stdout) as unknown;
  }
  const VERDICT = [
    'def verdict(token):',
    '    try:',
    '        return verify(token)["sub"]',
    '    except Exception as error:',
    '        return type(error).__name__',
  ].join('\n');
  const verdicts = (tokens: object, changed?: (code: string) => string) =>
    run('print(json.dumps({name: verdict(token) for name, token in given.items()}))', {
      input: tokens,
      ...(changed && { changed }),
    }) as Promise<Record<string, string>>;
  /** The docs' code without a line of it. */
  const without = (line: string) => (code: string) => {
    expect(code).toContain(line);
    return code.replace(line, '');
  };
  const subject = () => issuer.claims().sub as string;

  it('accepts our tokens, and refuses every hostile one but those that the docs name', async () => {
    const hostile = await hostileTokens(issuer);
    const found = await verdicts({
      ...Object.fromEntries(hostile.map(({ name, token }) => [name, token])),
      ours: await issuer.token(),
    });
    expect(found.ours).toBe(subject());
    const taken = hostile.filter(({ name }) => !/(Error|Signature)$/.test(found[name] ?? ''));
    const codes = [...new Set(taken.map(({ code }) => code))].sort();
    // A later version takes less.
    expect(TAKEN).toEqual(expect.arrayContaining(codes));
    expect(codes).toEqual(expect.arrayContaining(['claim_malformed', 'lifetime_too_long', 'token_malformed']));
  });

  it('takes what the docs say it takes when an argument is left out', async () => {
    const now = issuer.clock.now();
    const tokens = {
      ours: await issuer.token(),
      'without aud': await issuer.token({ aud: undefined }),
      'for another': await issuer.token({ aud: 'billing' }),
      'of another issuer': await issuer.token({ iss: 'https://other.example' }),
      'without exp': await issuer.token({ exp: undefined }),
      'of a clock that is ahead': await issuer.token({ iat: now + 3 }),
      'of another type': await issuer.token({}, { typ: 'logout+jwt' }),
    };
    const all = await verdicts(tokens);
    expect(all).toEqual({
      ours: subject(),
      'without aud': 'MissingRequiredClaimError',
      'for another': 'InvalidAudienceError',
      'of another issuer': 'InvalidIssuerError',
      'without exp': 'MissingRequiredClaimError',
      'of a clock that is ahead': subject(),
      'of another type': 'InvalidTokenError',
    });
    expect((await verdicts(tokens, without('algorithms=["ES256"],'))).ours).toBe('DecodeError');
    const noAudience = (code: string) => without('audience=AUDIENCE,')(without('"aud", ')(code));
    expect(await verdicts(tokens, noAudience)).toMatchObject({
      ours: 'InvalidAudienceError',
      'without aud': subject(),
    });
    expect((await verdicts(tokens, without('issuer=ISSUER,')))['of another issuer']).toBe(subject());
    expect((await verdicts(tokens, without('options={"require": REQUIRED},')))['without exp']).toBe(subject());
    // Made anew: Python takes its time, by a clock that goes on.
    const ahead = { ahead: await issuer.token({ iat: Math.floor(Date.now() / 1000) + 5 }) };
    expect((await verdicts(ahead, without('leeway=5,'))).ahead).toBe('ImmatureSignatureError');
    const noType = (code: string) => code.replace('raise jwt.InvalidTokenError("not an access token")', 'pass');
    expect((await verdicts(tokens, noType))['of another type']).toBe(subject());
  });

  it('asks for the keys once, and again for every unknown kid; after an outage the good ones are gone too', async () => {
    const [ours, unknown] = await Promise.all([issuer.token(), issuer.token({}, { kid: 'made-up' })]);
    jwks.requests = 0;
    expect(await verdicts({ a: ours, b: ours, c: ours })).toEqual({ a: subject(), b: subject(), c: subject() });
    expect(jwks.requests).toBe(1);

    jwks.requests = 0;
    const found = await verdicts({ a: ours, b: unknown, c: unknown, d: unknown });
    expect(found).toMatchObject({ a: subject(), b: 'PyJWKClientError', d: 'PyJWKClientError' });
    expect(jwks.requests).toBe(4);

    const script = [
      'KEYS.fetch_data()',
      'KEYS.uri = "http://127.0.0.1:1/"',
      'print(json.dumps([verdict(given[name]) for name in ["ours", "unknown", "ours"]]))',
    ].join('\n');
    const unavailable = expect.stringMatching(/^PyJWKClient(Connection)?Error$/) as string;
    expect(await run(script, { input: { ours, unknown } })).toEqual([subject(), unavailable, unavailable]);
  });

  it('goes on with a withdrawn key when it caches keys', async () => {
    const other = await TestIssuer.create();
    const script = (options: string) =>
      [
        `KEYS = jwt.PyJWKClient(KEYS.uri, lifespan=1${options})`,
        'found = [verdict(given["ours"])]',
        'KEYS.fetch_data = lambda: KEYS.jwk_set_cache.put(given["later"]) or given["later"]',
        'time.sleep(1.1)',
        'print(json.dumps(found + [verdict(given["ours"])]))',
      ].join('\n');
    const input = { ours: await issuer.token(), later: other.jwks };
    expect(await run(script(', cache_keys=True'), { input })).toEqual([subject(), subject()]);
    expect(await run(script(''), { input })).toEqual([subject(), 'PyJWKClientError']);
  });

  it('verifies EdDSA under that name, and leaves out a key that is for Ed25519', async () => {
    const eddsa = await TestIssuer.create({ audience: 'documents', algorithm: 'EdDSA', clock: issuer.clock });
    const token = await eddsa.token();
    const changed = (code: string) => code.replace('"ES256"', '"EdDSA"');
    const script = [
      'def with_keys(name):',
      '    KEYS.fetch_data = lambda: given[name]',
      '    return verdict(given["token"])',
      'KEYS.jwk_set_cache = None',
      'print(json.dumps([with_keys("eddsa"), with_keys("ed25519")]))',
    ].join('\n');
    const ed25519 = { keys: eddsa.jwks.keys.map((key) => ({ ...key, alg: 'Ed25519' })) };
    const input = { token, eddsa: eddsa.jwks, ed25519 };
    expect(await run(script, { changed, input })).toEqual([subject(), 'PyJWKSetError']);
  });
});
