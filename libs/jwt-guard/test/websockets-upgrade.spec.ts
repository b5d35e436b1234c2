import { WebSocketGateway } from '@nestjs/websockets';
import { type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Public } from '../src';
import { type AppOptions, Handlers, type Library, PLATFORMS, TestApp } from './websockets-apps';
import { type Answer } from './websockets-clients';

@WebSocketGateway()
class Gateway extends Handlers {}

@Public('everybody may listen')
@WebSocketGateway()
class OpenGateway extends Handlers {}

let subject: TestApp;
const start = async (options: Omit<AppOptions, 'gateways'> & Partial<AppOptions>): Promise<TestApp> =>
  (subject = await TestApp.start({ gateways: [Gateway], ...options }));
afterEach(() => subject.stop());

const problem = ({ status, body, headers }: Answer) => ({
  status,
  code: (JSON.parse(body) as { code: string }).code,
  type: headers['content-type'],
});
const refused = (status: number, code: string) => ({ status, code, type: 'application/problem+json' });

/** A request to open a socket, in each way that the library has. */
type Ask = (headers?: Record<string, string | string[]>, query?: string) => Promise<Answer>;
const WAYS: readonly (readonly [Library, string, (app: TestApp) => Ask, number])[] = [
  ['ws', 'upgrade', (app) => (headers, query) => app.upgrade(headers, app.path(query)), 101],
  ['socket.io', 'upgrade', (app) => (headers, query) => app.upgrade(headers, app.path(query)), 101],
  ['socket.io', 'polling', (app) => (headers, query) => app.poll(headers, query), 200],
];

describe.each(WAYS)('a request to open a socket of %s by %s', (library, _way, askOf, good) => {
  it.each(['express', 'fastify'] as const)(
    'with a bad token is 401 before there is a socket, on %s',
    async (framework) => {
      await start({ library, framework });
      const ask = askOf(subject);
      const answer = await ask({ Authorization: `Bearer ${await subject.issuer.token({ aud: 'another' })}` });
      expect(problem(answer)).toEqual(refused(401, 'audience_mismatch'));
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer realm="api", error="invalid_token", error_description="/,
      );
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(JSON.parse(answer.body)).toMatchObject({ status: 401, title: 'Unauthorized', type: 'about:blank' });
    },
  );

  it('with a good token opens one', async () => {
    await start({ library });
    const token = await subject.issuer.token();
    expect((await askOf(subject)({ Authorization: `Bearer ${token}` })).status).toBe(good);
    expect((await askOf(subject)({ Authorization: `bearer   ${token}` })).status).toBe(good);
  });

  it('is refused for the realm that was set', async () => {
    await start({ library, guard: { realm: 'documents' } });
    const answer = await askOf(subject)({ Authorization: 'Bearer nonsense' });
    expect(problem(answer)).toEqual(refused(401, 'token_malformed'));
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="documents"/);
  });

  it('is 503 with Retry-After when nobody can tell', async () => {
    await start({ library });
    const token = await subject.issuer.token();
    subject.outage = true;
    const answer = await askOf(subject)({ Authorization: `Bearer ${token}` });
    expect(problem(answer)).toEqual(refused(503, 'revocation_unavailable'));
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.headers['www-authenticate']).toBeUndefined();
    subject.outage = false;
    expect((await askOf(subject)({ Authorization: `Bearer ${token}` })).status).toBe(good);
  });

  it('with a token that is revoked, expired or not a token is 401 with the reason', async () => {
    await start({ library });
    const revoked = await subject.issuer.token({ jti: 'revoked' });
    subject.revoked.add('revoked');
    const ask = askOf(subject);
    expect(problem(await ask({ Authorization: `Bearer ${revoked}` }))).toEqual(refused(401, 'token_revoked'));
    const token = await subject.issuer.token();
    subject.issuer.clock.advance(304);
    expect((await ask({ Authorization: `Bearer ${token}` })).status).toBe(good);
    subject.issuer.clock.advance(1);
    expect(problem(await ask({ Authorization: `Bearer ${token}` }))).toEqual(refused(401, 'token_expired'));
    const large = `Bearer ${'a'.repeat(8193)}`;
    expect(problem(await ask({ Authorization: large }))).toEqual(refused(401, 'token_too_large'));
  });

  it('without a token opens a socket, unless there is no time for one', async () => {
    await start({ library });
    expect((await askOf(subject)()).status).toBe(good);
    expect((await askOf(subject)({ Authorization: 'Basic Zm9vOmJhcg==' })).status).toBe(good);
    await subject.stop();
    await start({ library, guard: { webSockets: { authenticateWithinSeconds: 0 } } });
    const answer = await askOf(subject)();
    expect(problem(answer)).toEqual(refused(401, 'token_missing'));
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="api"');
    const token = await subject.issuer.token();
    expect((await askOf(subject)({ Authorization: `Bearer ${token}` })).status).toBe(good);
  });

  it('with two tokens, or half of one, is 400', async () => {
    await start({ library });
    const ask = askOf(subject);
    const token = await subject.issuer.token();
    const both = { Authorization: `Bearer ${token}`, 'Sec-WebSocket-Protocol': `bearer, ${token}` };
    expect(problem(await ask(both))).toEqual(refused(400, 'token_repeated'));
    const lines = { Authorization: [`Bearer ${token}`, `Bearer ${token}`] };
    expect(problem(await ask(lines))).toEqual(refused(400, 'authorization_repeated'));
    expect(problem(await ask({ Authorization: 'Bearer' }))).toEqual(refused(400, 'authorization_malformed'));
    expect(problem(await ask({ Authorization: `Bearer ${token} ${token}` }))).toEqual(
      refused(400, 'authorization_malformed'),
    );
  });

  it('with a token in the URL is 400, however good the one in its place is', async () => {
    await start({ library });
    const ask = askOf(subject);
    const token = await subject.issuer.token();
    for (const query of [`&access_token=${token}`, `&token=${token}`, `&x=1&access_token=`, `&t=${token}&t=1`]) {
      const answer = await ask({ Authorization: `Bearer ${token}` }, query);
      expect({ query, ...problem(answer) }).toEqual({ query, ...refused(400, 'token_in_url') });
      expect(answer.body).not.toContain(token);
      expect(problem(await ask({}, query))).toEqual(refused(400, 'token_in_url'));
    }
    expect((await ask({ Authorization: `Bearer ${token}` }, '&token=short')).status).toBe(good);
  });

  it('of the own origin is let in, of any other 403', async () => {
    await start({ library });
    const ask = askOf(subject);
    const { port } = subject;
    for (const Origin of [`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`, `HTTP://127.0.0.1:${port}`]) {
      expect({ Origin, status: (await ask({ Origin })).status }).toEqual({ Origin, status: good });
    }
    const foreign = [
      'null',
      '',
      'https://evil.example',
      'http://127.0.0.1',
      `http://127.0.0.1:${port === 65535 ? 1 : port + 1}`,
      `http://127.0.0.1.evil.example:${port}`,
      `http://127.0.0.1:${port}.evil.example`,
      `http://localhost:${port}`,
      'file://',
      `capacitor://127.0.0.1:${port}`,
      'chrome-extension://abcdefghijklmnop',
      `127.0.0.1:${port}`,
      '*',
    ];
    for (const Origin of foreign) {
      const answer = await ask({ Origin });
      expect({ Origin, ...problem(answer) }).toEqual({ Origin, ...refused(403, 'origin_not_allowed') });
    }
    const twice = await ask({ Origin: [`http://127.0.0.1:${port}`, 'https://evil.example'] });
    expect(problem(twice)).toEqual(refused(403, 'origin_not_allowed'));
  });

  it('is of the own origin in whatever case the host is written, and with the default port or without', async () => {
    await start({ library });
    const ask = askOf(subject);
    expect((await ask({ Host: 'APP.Example', Origin: 'https://app.example' })).status).toBe(good);
    expect((await ask({ Host: 'app.example:443', Origin: 'https://app.example' })).status).toBe(good);
    expect((await ask({ Host: 'app.example:80', Origin: 'http://app.example' })).status).toBe(good);
    expect((await ask({ Host: 'app.example:80', Origin: 'https://app.example' })).status).toBe(403);
    expect((await ask({ Host: 'app.example:443', Origin: 'http://app.example' })).status).toBe(403);
    expect((await ask({ Host: 'app.example:444', Origin: 'https://app.example' })).status).toBe(403);
    // A page from a disk has no host, and so has a URL of a disk with this name in it.
    expect((await ask({ Host: 'localhost', Origin: 'file://' })).status).toBe(403);
  });

  it('of an origin that was allowed is let in, and then the own one is not', async () => {
    await start({ library, guard: { webSockets: { allowedOrigins: ['https://app.example'] } } });
    const ask = askOf(subject);
    expect((await ask({ Origin: 'https://app.example' })).status).toBe(good);
    expect((await ask({})).status).toBe(good);
    for (const Origin of [
      'http://app.example',
      'https://app.example:444',
      `http://127.0.0.1:${subject.port}`,
      'null',
    ]) {
      expect({ Origin, ...problem(await ask({ Origin })) }).toEqual({
        Origin,
        ...refused(403, 'origin_not_allowed'),
      });
    }
  });

  it('to a gateway that is public needs the origin, and nothing else', async () => {
    await start({ library, gateways: [OpenGateway], guard: { webSockets: { authenticateWithinSeconds: 0 } } });
    const ask = askOf(subject);
    expect((await ask()).status).toBe(good);
    expect((await ask({ Authorization: 'Bearer nonsense' })).status).toBe(good);
    expect((await ask({ Origin: 'https://evil.example' })).status).toBe(403);
  });
});

describe.each(PLATFORMS)('the subprotocols of %s on %s', (library, framework) => {
  const open = async (...protocols: string[]) => {
    const { status, headers } = await subject.upgrade({ 'Sec-WebSocket-Protocol': protocols });
    return { status, protocol: headers['sec-websocket-protocol'] };
  };

  it('bring a token, which the answer never repeats', async () => {
    await start({ library, framework });
    const token = await subject.issuer.token();
    expect(await open('bearer', token)).toEqual({ status: 101, protocol: 'bearer' });
    expect(await open(`bearer, ${token}`)).toEqual({ status: 101, protocol: 'bearer' });
    expect(await open(`Bearer,${token}`)).toEqual({ status: 101, protocol: 'Bearer' });
    expect((await open('chat', 'bearer', token)).protocol).toBe('chat');
    expect((await open(`bearer, ${token.slice(0, -2)}`)).status).toBe(401);
    // Sent without what announces it, it is no token, and isn't said aloud either.
    expect(await open(token)).toEqual({ status: 101, protocol: undefined });
    expect(await open(token, 'bearer')).toEqual({ status: 101, protocol: 'bearer' });
    expect(await open(token, 'chat')).toEqual({ status: 101, protocol: 'chat' });
    expect(await open('bearer', token, `${token}x`)).toEqual({ status: 400, protocol: undefined });
  });

  it('without a token between them are the app’s own', async () => {
    await start({ library, framework });
    expect(await open('chat')).toEqual({ status: 101, protocol: 'chat' });
    expect(await open('chat.v2, chat.v1')).toEqual({ status: 101, protocol: 'chat.v2' });
    expect((await subject.upgrade()).headers['sec-websocket-protocol']).toBeUndefined();
  });

  it('in no order of their own make a token of something else', async () => {
    await start({ library, framework, guard: { webSockets: { authenticateWithinSeconds: 0 } } });
    const token = await subject.issuer.token();
    for (const offer of [[token, 'bearer'], ['bearer', 'chat'], ['bearer'], [token], ['bearer', 'BEARER']]) {
      const { status } = await open(...offer);
      expect({ offer, status }).toEqual({ offer, status: 401 });
    }
    expect((await open('bearer', 'BEARER', token)).status).toBe(101);
  });

  it.each([
    ['a comma too many', (token: string) => `bearer,, ${token}`],
    ['a comma at the end', (token: string) => `bearer, ${token},`],
    ['bearer twice', (token: string) => `bearer, ${token}, bearer, ${token}`],
    ['a blank in place of the comma', (token: string) => `bearer ${token}`],
    ['quotes', (token: string) => `bearer, "${token}"`],
    ['nothing', () => ''],
    ['a comma alone', () => ','],
    ['no ASCII', () => 'bearer, \u00e9\u00e9'],
    ['a megabyte', () => `bearer, ${'a'.repeat(1_000_000)}`],
  ])('with %s open no socket, and harm nobody else', async (_name, protocols) => {
    await start({ library, framework });
    const token = await subject.issuer.token();
    const host = `Host: 127.0.0.1:${subject.port}\r\nConnection: Upgrade\r\nUpgrade: websocket`;
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const head = `GET ${subject.path()} HTTP/1.1\r\n${host}\r\n${key}\r\n`;
    const answer = await subject
      .raw(`${head}Sec-WebSocket-Protocol: ${protocols(token)}\r\n\r\n`)
      .catch((error: unknown) => String(error));
    expect(answer).not.toMatch(/^HTTP\/1.1 (101|5)/);
    expect(await open('bearer', token)).toEqual({ status: 101, protocol: 'bearer' });
  });
});

describe('what the app has of its own for the request', () => {
  const seen: string[] = [];
  beforeEach(() => seen.splice(0));

  it.each([
    [
      'calls back',
      (info: object, callback: (result: boolean, code?: number) => void) =>
        void callback('req' in info && verdict(), 418),
    ],
    ['returns', () => verdict()],
  ])('is asked after the guard: a verifyClient that %s', async (name, verifyClient) => {
    @WebSocketGateway({ verifyClient } as object)
    class Own extends Handlers {}
    await start({ library: 'ws', gateways: [Own] });
    expect((await subject.upgrade({ Authorization: 'Bearer nonsense' })).status).toBe(401);
    expect(seen).toEqual([]);
    let lets = true;
    own = () => lets;
    expect((await subject.upgrade()).status).toBe(101);
    lets = false;
    expect((await subject.upgrade()).status).toBe(name === 'returns' ? 401 : 418);
    expect(seen).toHaveLength(2);
  });

  it('chooses the subprotocol, among all but the token', async () => {
    const handleProtocols = (protocols: Set<string>) => (seen.push(...protocols), [...protocols].at(-1) ?? false);
    @WebSocketGateway({ handleProtocols } as object)
    class Own extends Handlers {}
    await start({ library: 'ws', gateways: [Own] });
    const token = await subject.issuer.token();
    const { headers } = await subject.upgrade({ 'Sec-WebSocket-Protocol': `chat, bearer, ${token}, chat.v2` });
    expect(headers['sec-websocket-protocol']).toBe('chat.v2');
    expect(seen).toEqual(['chat', 'bearer', 'chat.v2']);
  });

  it('is asked after the guard: an allowRequest of Socket.IO', async () => {
    const allowRequest = (_request: IncomingMessage, callback: (error: string | null, success: boolean) => void) =>
      void callback(null, verdict());
    @WebSocketGateway({ allowRequest })
    class Own extends Handlers {}
    await start({ library: 'socket.io', gateways: [Own] });
    expect((await subject.upgrade({ Authorization: 'Bearer nonsense' })).status).toBe(401);
    expect((await subject.poll({ Authorization: 'Bearer nonsense' })).status).toBe(401);
    expect(seen).toEqual([]);
    let lets = true;
    own = () => lets;
    expect((await subject.upgrade()).status).toBe(101);
    expect((await subject.poll()).status).toBe(200);
    lets = false;
    // Socket.IO's own words.
    expect((await subject.upgrade()).status).toBe(400);
    expect((await subject.poll()).status).toBe(403);
    expect(seen).toHaveLength(4);
  });

  it.each([
    ['ws', 'verifyClient', { verifyClient: failing }],
    ['ws', 'handleProtocols', { handleProtocols: failing }],
    ['socket.io', 'allowRequest', { allowRequest: failing }],
  ] as const)('ends that request alone when it throws: %s, %s', async (library, _name, options) => {
    @WebSocketGateway(options as object)
    class Own extends Handlers {}
    const unhandled: unknown[] = [];
    const keep = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', keep);
    try {
      await start({ library, gateways: [Own] });
      const protocols = { 'Sec-WebSocket-Protocol': 'chat' };
      await expect(subject.upgrade(protocols)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect((await subject.upgrade({ Authorization: 'Bearer nonsense' })).status).toBe(401);
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', keep);
    }
  });

  function failing(): never {
    throw new Error('a fault of the app');
  }
  let own = (): boolean => true;
  const verdict = () => (seen.push('asked'), own());
});

describe.each(WAYS)('a client of %s that leaves while its token is verified, by %s,', (library, way) => {
  it('leaves nothing behind', async () => {
    await start({ library, subscribes: true });
    const held = subject.holdVerdicts();
    const token = await subject.issuer.token();
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==`;
    const path = way === 'upgrade' ? subject.path() : '/socket.io/?EIO=4&transport=polling';
    const lines = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;
    const socket = connect(subject.port, '127.0.0.1', () =>
      socket.write(way === 'upgrade' ? `${lines}${upgrade}\r\n\r\n` : `${lines}\r\n`),
    );
    await held.begun;
    socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    held.release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await subject.sessionsLeft()).toBe(0);
    expect((await subject.upgrade({ Authorization: `Bearer ${token}` })).status).toBe(101);
  });
});
