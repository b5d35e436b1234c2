import {
  createNativeSessionClient,
  createSessionClient,
  type NativeSessionClientOptions,
  type SessionClientOptions,
} from './index.js';
import { asFolder, secureUrl } from './options.js';

const baseUrl = 'https://gateway.test';

describe('the options', () => {
  it('may all be left out but for the address, where there is no page', () => {
    expect(() => createSessionClient({ baseUrl }).close()).not.toThrow();
    expect(() => createSessionClient()).toThrow('baseUrl');
  });

  it.each<[string, SessionClientOptions]>([
    ['retryOn', { retryOn: [] }],
    ['retryOn', { retryOn: [404 as 403] }],
    ['refreshAheadSeconds', { refreshAheadSeconds: -1 }],
    ['refreshAheadSeconds', { refreshAheadSeconds: NaN }],
    ['refreshJitterSeconds', { refreshJitterSeconds: Infinity }],
    ['requestTimeoutMs', { requestTimeoutMs: '1' as unknown as number }],
    ['tabAnswerMs', { tabAnswerMs: -1 }],
    ['tabLockWaitMs', { tabLockWaitMs: -1 }],
    ['allowedOrigins', { allowedOrigins: ['http://files.test'] }],
    ['allowedOrigins', { allowedOrigins: ['*'] }],
    ['retryOn', { retryOn: 401 as unknown as [401] }],
    ['allowedOrigins', { allowedOrigins: 'https://files.test' as unknown as string[] }],
    ['fetch', { fetch: 'x' as unknown as typeof fetch }],
    ['baseUrl', { baseUrl: 'gateway.test' }],
    ['baseUrl', { baseUrl: '' }],
  ])('stop the start when %s is wrong: %j', (name, options) => {
    expect(() => createSessionClient({ baseUrl, ...options })).toThrow(TypeError);
    expect(() => createSessionClient({ baseUrl, ...options })).toThrow(name);
  });

  it.each<[string, object]>([
    ['storage', { clientId: 'a' }],
    ['storage', { clientId: 'a', storage: {} }],
    ['clientId', { storage: { load: () => '', save: () => '', clear: () => '' } }],
  ])('of a native client stop the start when %s is missing', (name, options) => {
    const endpoints = { baseUrl, tokenEndpoint: `${baseUrl}/oauth/token` };
    const open = () => createNativeSessionClient({ ...endpoints, ...options } as NativeSessionClientOptions);
    expect(open).toThrow(TypeError);
    expect(open).toThrow(name);
  });

  it('may give the fetch of a page, which refuses to be a member of anything', async () => {
    const seen: unknown[] = [];
    function fetch(this: unknown): Promise<Response> {
      seen.push(this);
      return Promise.resolve(new Response('{}', { status: 503 }));
    }
    const client = createSessionClient({ baseUrl, fetch });
    await client.resume().catch(() => undefined);
    client.close();
    expect(seen).toEqual([undefined]);
  });

  it('may be none for numbers: 0', () => {
    const none = { refreshAheadSeconds: 0, refreshJitterSeconds: 0, requestTimeoutMs: 0, tabAnswerMs: 0 };
    expect(() => createSessionClient({ baseUrl, ...none, tabLockWaitMs: 0 }).close()).not.toThrow();
  });

  describe('in a page', () => {
    const page = globalThis as { location?: unknown };
    beforeEach(() => (page.location = new URL('https://gateway.test/app/index.html')));
    afterEach(() => delete page.location);
    const open = (options: SessionClientOptions) =>
      createSessionClient({ createChannel: null, locks: null, ...options });

    it.each([undefined, '/', '/prefix', 'https://gateway.test'])('take as the address: %s', (address) => {
      expect(() => open(address === undefined ? {} : { baseUrl: address }).close()).not.toThrow();
    });

    it.each(['https://other.test', '//other.test', 'https://gateway.test:444'])(
      'take no other origin, where the cookie does not go: %s',
      (address) => expect(() => open({ baseUrl: address })).toThrow('origin of the page'),
    );

    it('take no page that has no origin', () => {
      page.location = { origin: 'null' };
      expect(() => open({})).toThrow('baseUrl');
    });
  });
});

describe('an address', () => {
  it.each([
    'https://gateway.test',
    'http://localhost:3000',
    'http://app.localhost',
    'http://127.0.0.1:3000',
    'http://127.8.9.1',
    'http://[::1]:3000',
  ])('is good: %s', (address) => expect(secureUrl('x', address, {}).origin).toBe(new URL(address).origin));

  it.each([
    'http://gateway.test',
    'http://localhost.evil.test',
    'http://127.0.0.1.evil.test',
    'http://10.0.0.1',
    'https://user@gateway.test',
    'https://:password@gateway.test',
    'javascript:alert(1)',
    '/relative',
    '',
  ])('is not good: %j', (address) => expect(() => secureUrl('x', address, {})).toThrow(TypeError));

  it('may be without TLS when that is asked for in so many words', () => {
    expect(secureUrl('x', 'http://auth:3001', { dangerouslyAllowHttp: true }).origin).toBe('http://auth:3001');
    expect(() => secureUrl('x', 'ftp://auth', { dangerouslyAllowHttp: true })).toThrow(TypeError);
  });

  it.each([
    ['https://a.test', 'https://a.test/'],
    ['https://a.test/b', 'https://a.test/b/'],
    ['https://a.test/b/?c#d', 'https://a.test/b/'],
  ])('as a folder: %s is %s', (address, folder) => expect(asFolder(new URL(address)).href).toBe(folder));
});
