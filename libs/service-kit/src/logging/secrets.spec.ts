import { randomBytes } from 'node:crypto';
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
    ['a body of JSON that was quoted', JSON.stringify({ refresh_token: secret })],
  ])('cuts out %s: from a message, a stack, and a cause', (_what, text) => {
    const error = new Error(`it failed with ${text}`, { cause: new Error(text) });
    const line = clean(JSON.stringify({ msg: text, err: { stack: error.stack, cause: { deep: [{ text }] } } }));
    for (const part of [secret, secret.slice(0, 12)]) expect(line).not.toContain(part);
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it.each(['authorization', 'Cookie', 'set-cookie', 'password', 'refresh_token', 'client_secret', 'clientSecret'])(
    'cuts out whatever stands under %s, however deep, alone or in a list',
    (name) => {
      const line = clean(
        JSON.stringify({ a: { b: { c: { d: { [name]: `"${secret}"` } } } }, e: [{ [name]: [secret] }] }),
      );
      expect(line).not.toContain(secret);
      expect(JSON.parse(line)).toMatchObject({ a: { b: { c: { d: { [name]: '[redacted]' } } } } });
    },
  );

  it.each([[1234], [{ value: 'the-secret' }], [['the-secret']], [true], [null]])(
    'cuts out %j under such a name too',
    (value) => {
      const line = clean(JSON.stringify({ before: 1, password: value, after: 2 }));
      expect(JSON.parse(line)).toEqual({ before: 1, password: '[redacted]', after: 2 });
    },
  );

  it.each([
    '{"msg":"request","path":"/oauth/token","code":"token_expired","ms":1.2}',
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
