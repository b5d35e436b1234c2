import { randomBytes } from 'node:crypto';
import { SECRET_NAMES } from './secret-names';
import { secretsIn, withoutSecrets } from './secrets';

describe('withoutSecrets', () => {
  const clean = withoutSecrets([]);
  const secret = randomBytes(32).toString('base64url');

  it.each<[string, string]>([
    ['a JWT', `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.${secret}`],
    ['a JWE, of five parts', `eyJhbGciOiJkaXIifQ..${secret}.${secret}.${secret}`.replace('..', '.a.')],
    ['a refresh token', `rt_${secret}`],
    ['a cut-off refresh token', `rt_${secret.slice(0, 12)}`],
    ['the secret of a client, as it is sent', `Basic ${Buffer.from(`gateway:${secret}`).toString('base64')}`],
    ['an opaque token, as it is sent', `Bearer ${secret}`],
    ['the same, in other capitals', `bearer ${secret}`],
    ['a hash of a password', `$argon2id$v=19$m=19456,t=2,p=1$${secret}$${secret}`],
    ['a cookie', `__Host-refresh=${secret}`],
    ['a header with cookies', `Cookie: theme=dark; session=${secret}`],
    ['a header that sets one', `set-cookie: session=${secret}; Secure`],
    ['a parameter of a form', `grant_type=password&password=${secret}&scope=a`],
    ['a parameter of a query', `GET /callback?client_secret=${secret}`],
    ['a password in an URL', `rediss://auth:${secret}@redis:6379/0`],
    ['a parameter of a path', `/documents;password=${secret}`],
    ['a parameter in a parameter', `/login?next=%2Fa%3Frefresh_token%3D${secret}`],
    ['a JWT with dots that are encoded', `/a/eyJhbGciOiJFUzI1NiJ9%2EeyJzdWIiOiJhbGljZSJ9%2e${secret}`],
    ['what a JWT says', `/a/eyJzdWIiOiJhbGljZSIsImF1ZCI6InJlc291cmNlIn0${secret}`],
    ['a refresh token in a path that is encoded', `/a%2Frt_${secret}`],
    ['a refresh token on a line of its own', `is\nrt_${secret}`],
    ['a refresh token after a control character', `is\u001brt_${secret}`],
    ['an opaque token, encoded', `/a?header=Bearer%20${secret}`],
    ['an opaque token, in a form', `header=Bearer+${secret}`],
    ['a cookie with a dash in its name', `__Host-refresh-token=${secret}`],
    ['a cookie, encoded', `/a?set=__Host-refresh%3D${secret}`],
    ['a header with a key', `X-Api-Key: ${secret}`],
    ['a private key', `-----BEGIN PRIVATE KEY-----\n${secret}\n${secret}\n-----END PRIVATE KEY-----`],
    ['a private key that is cut off', `-----BEGIN EC PRIVATE KEY-----\n${secret}`],
    ['a private JWK', JSON.stringify({ kty: 'EC', d: secret })],
    ['a body of JSON that was quoted', JSON.stringify({ refresh_token: secret })],
    ['a body of JSON that was quoted twice', JSON.stringify(JSON.stringify({ a: [{ password: secret }] }))],
    ['a body of JSON that is indented', JSON.stringify({ password: { a: [secret] } }, null, 2)],
    ['a body of JSON that is cut off', `{"password": {"a": {"b": 1}, "c": "${secret}`],
  ])('cuts out %s: from a message, a stack, and a cause', (_what, text) => {
    const error = new Error(`it failed with ${text}`, { cause: new Error(text) });
    const line = clean(JSON.stringify({ msg: text, err: { stack: error.stack, cause: { deep: [{ text }] } } }));
    for (const part of [secret, secret.slice(0, 12)]) expect(line).not.toContain(part);
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it.each([...SECRET_NAMES, 'Cookie'])(
    'cuts out whatever stands under %s, however deep, alone or in a list',
    (name) => {
      const line = clean(
        JSON.stringify({ a: { b: { c: { d: { [name]: `"${secret}"` } } } }, e: [{ [name]: [secret] }] }),
      );
      expect(line).not.toContain(secret);
      expect(JSON.parse(line)).toMatchObject({ a: { b: { c: { d: { [name]: '[redacted]' } } } } });
      expect(clean(`/a?${name}=${secret}&b=c`)).toBe(`/a?${name}=[redacted]&b=c`);
    },
  );

  it.each<[string, unknown]>([
    ['an object in an object', { a: { b: 1 }, c: 'the-secret' }],
    ['lists in lists', [['the-secret'], { a: [['the-secret']] }, 'the-secret']],
    ['brackets and quotes in a text', { a: ']}"\\', b: 'the-secret' }],
    ['quoted JSON', JSON.stringify({ a: JSON.stringify({ b: '"the-secret' }) })],
  ])('cuts out %s whole, as it is and quoted', (_what, value) => {
    const body = { before: 'C:\\', password: value, after: { d: 1 } };
    const redacted = { before: 'C:\\', password: '[redacted]', after: { d: 1 } };
    expect(JSON.parse(clean(JSON.stringify(body)))).toEqual(redacted);
    for (let quoted = JSON.stringify(body), times = 1; times <= 3; times++) {
      const line = clean(JSON.stringify({ body: quoted, after: 'all' }));
      let found = JSON.parse(line) as { body: string; after: string };
      expect(found.after).toBe('all');
      for (let i = 1; i < times; i++) found = { ...found, body: JSON.parse(found.body) as string };
      expect(JSON.parse(found.body)).toEqual(redacted);
      quoted = JSON.stringify(quoted);
    }
  });

  it('leaves a line of JSON one, whatever is under a name and wherever it breaks off', () => {
    const body = JSON.stringify({ a: '\\"', password: { b: ['"', { c: '\\' }] }, token: '\n"x', d: 1 });
    for (const text of [body, JSON.stringify(body)]) {
      for (let end = 0; end <= text.length; end++) {
        const line = clean(JSON.stringify({ msg: text.slice(0, end), last: true }));
        expect(JSON.parse(line)).toMatchObject({ last: true });
      }
    }
  });

  it.each([[1234], [{ value: 'the-secret' }], [['the-secret']], [true], [null]])(
    'cuts out %j under such a name too',
    (value) => {
      const line = clean(JSON.stringify({ before: 1, password: value, after: 2 }));
      expect(JSON.parse(line)).toEqual({ before: 1, password: '[redacted]', after: 2 });
    },
  );

  it.each([
    '{"msg":"request","path":"/oauth/token","code":"token_expired","ms":1.2}',
    '{"token":"recent_parent","d":"a-day","k":"Md-short"}',
    '{"msg":"refresh_replayed {\\"token\\":\\"of another client\\"}"}',
    '{"jti":"R0eUqjDrtZ9U9Jb1Zk1mFg","kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}',
    '{"msg":"Basic authentication is asked for","url":"https://auth:3001/oauth/token?x=1"}',
    '{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","actor":["resource","gateway"]}',
    '{"scope":"documents:read","audience":"resource","path":"/start_now_and_here"}',
  ])('leaves what is no secret as it is: %s', (line) => expect(clean(line)).toBe(line));

  it('cuts out what a service knows, wherever it stands, quoted and encoded too', () => {
    const odd = 'a "quoted" secret/with+all';
    const own = withoutSecrets([secret, odd]);
    const line = own(JSON.stringify({ msg: `x${secret}y`, url: `?a=${encodeURIComponent(odd)}`, text: `z${odd}` }));
    expect(line).toBe('{"msg":"x[redacted]y","url":"?a=[redacted]","text":"z[redacted]"}');
  });

  it('looks for secrets of 8 characters and more, for shorter ones stand in words', () => {
    expect(withoutSecrets(['12345678', '1234567'])('12345678 1234567')).toBe('[redacted] 1234567');
  });
});

describe('withoutSecrets, of a long text', () => {
  const clean = withoutSecrets(['a-secret-of-the-service']);
  /** Milliseconds of the processor, which others that are busy don't lengthen. */
  const cost = (text: string): number => {
    const costs = [0, 1, 2].map(() => {
      const begun = process.cpuUsage();
      clean(text);
      const { user, system } = process.cpuUsage(begun);
      return (user + system) / 1_000;
    });
    return Math.min(...costs);
  };
  const NAMED = SECRET_NAMES.flatMap((name) => [name, `${name}=`, `"${name}"`, `"${name}":`]);
  const BEGINNINGS =
    'eyJ|eyJabcdefgh|eyJabcdefgh.|eyJa.|eyJ%|rt_|-rt_|-rt_a|\\nrt_|%2Frt_a|Basic |Bearer%20|Basic+a |$argon2|$argon2id$|' +
    '__Host-|__Host-a|__Host-a=|__Secure-__|://|://a|://a:|://@|-----BEGIN|-----BEGIN A|-----BEGIN PRIVATE KEY-----|' +
    '-----END|-|\\|\\\\"|\\"|"|"d":"|"d\\|"k":|a-secret-of-the-|cookie: |cookie:|cookie: \\|authorization%3a|"password":{|' +
    '"password":[|"password":"|"password":"\\|\\"password\\":|\\"password\\":\\"|"password\\\\|"password"   |"password"\\n|' +
    '"token":"a|{"token":"a b"| |%|%2|\\u001b| token%3d|a=';

  it.each([...BEGINNINGS.split('|'), ...NAMED])('takes time in proportion to it: %j again and again', (beginning) => {
    const text = (length: number): string => beginning.repeat(Math.ceil(length / beginning.length)).slice(0, length);
    const [short, long] = [cost(text(2 ** 12)), cost(text(2 ** 17))];
    // 32 times as long: what is quadratic costs 1,024 times as much. Of what is over within some milliseconds most is chance.
    expect(long).toBeLessThan(8 * 32 * short + 100);
  });

  it.each(['', '"password":"', 'eyJabcdefgh.', '-rt_aaaaaaaaaaaa', 'token=', 'Basic ', '"d":"', 'cookie: ', '://'])(
    'does not fail for one of 32 MiB: %j and more',
    (beginning) => {
      for (const rest of ['a', '\\"'])
        expect(() => clean(beginning + rest.repeat(2 ** 25 / rest.length))).not.toThrow();
    },
  );
});

describe('secretsIn', () => {
  it('finds secrets, keys and passwords in URLs by the names of the configuration', () => {
    expect(
      secretsIn({
        AUTH_CLIENT_SECRET: 'the-secret',
        KEY_DECRYPTION_KEYS: 'one,two',
        REDIS_URL: 'rediss://auth:p%40ss@a:6379,rediss://auth:other@b:6379',
        AUTH_URL: 'https://auth:3001',
        PORT: 3000,
        ISSUER: 'https://issuer.test',
        REDIS_OTHER_URL: undefined,
      }),
    ).toEqual(['the-secret', 'the-secret', 'one,two', 'one', 'two', 'p%40ss', 'p@ss', 'other', 'other']);
  });
});
