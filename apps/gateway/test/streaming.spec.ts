import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GatewayApp, textOf, until } from './gateway-app';

const KIB = 1024;
const MAX_BODY_BYTES = 200 * KIB;
const IDLE_MS = 600;

const route = (name: string, more: object = {}) => ({
  prefix: `/${name}`,
  methods: ['GET', 'POST'],
  destination: 'resource',
  maxBodyBytes: MAX_BODY_BYTES,
  timeoutMs: IDLE_MS,
  ...more,
});
const TABLE = {
  destinations: { resource: { url: 'SERVICE', audience: 'resource', scopes: ['documents:read'] } },
  routes: [route('files'), route('large', { maxBodyBytes: 2 ** 30 })],
};

describe('bodies on their way through the gateway', () => {
  let gateway: GatewayApp;
  let serve: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: number;

  beforeAll(async () => {
    gateway = await GatewayApp.start({
      table: TABLE,
      service: (incoming, response) => {
        asked++;
        serve(incoming, response);
      },
    });
  });
  beforeEach(() => {
    asked = 0;
    serve = (incoming, response) => read(incoming, (text) => response.end(String(text.length)));
  });
  afterAll(() => gateway.stop());

  /** A request whose body the test sends itself. */
  async function open(path: string, headers: Record<string, string | number | undefined> = {}): Promise<ClientRequest> {
    const authorization = `Bearer ${await gateway.token()}`;
    const sent = request(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization, ...headers },
      agent: false,
    });
    // That is what some of them are for.
    sent.on('error', () => undefined);
    return sent;
  }
  const answerOf = async (sent: ClientRequest): Promise<IncomingMessage> => {
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  };
  const problemOf = async (sent: ClientRequest) => {
    const answer = await answerOf(sent);
    const { code, hop } = JSON.parse(await textOf(answer)) as { code: string; hop?: string };
    return [answer.statusCode, code, ...(hop === undefined ? [] : [hop])];
  };

  describe('to a service', () => {
    it('come as they are sent', async () => {
      const sent = await open('/large');
      const arrived = new Promise<string>((resolve) => {
        serve = (incoming, response) => {
          incoming.once('data', (chunk: Buffer) => {
            resolve(chunk.toString());
            incoming.on('end', () => response.end('whole')).resume();
          });
        };
      });
      sent.write('first');
      expect(await arrived).toBe('first');
      sent.end('last');
      expect(await textOf(await answerOf(sent))).toBe('whole');
    });

    it('keep their length, or their chunks', async () => {
      const framings: unknown[] = [];
      serve = (incoming, response) => {
        const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
        framings.push([length, encoding]);
        read(incoming, (text) => response.end(String(text.length)));
      };
      const known = await open('/large', { 'content-length': 100 * KIB });
      known.end('x'.repeat(100 * KIB));
      expect(await textOf(await answerOf(known))).toBe(String(100 * KIB));
      const unknown = await open('/large');
      unknown.write('x');
      unknown.end('y');
      expect(await textOf(await answerOf(unknown))).toBe('2');
      expect(framings).toEqual([
        [String(100 * KIB), undefined],
        [undefined, 'chunked'],
      ]);
    });

    it.each([
      ['of just the size that is allowed', MAX_BODY_BYTES, 200],
      ['of one byte more', MAX_BODY_BYTES + 1, 413],
    ])('%s, in chunks or not, are answered as they should', async (_what, bytes, status) => {
      const known = await open('/files', { 'content-length': bytes });
      known.end('x'.repeat(bytes));
      const chunked = await open('/files');
      chunked.write('x'.repeat(bytes - 1));
      chunked.end('x');
      const answers = [await answerOf(known), await answerOf(chunked)];
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([status, status]);
      for (const answer of answers) {
        const text = await textOf(answer);
        expect(status === 200 ? Number(text) : (JSON.parse(text) as { code: string }).code).toBe(
          status === 200 ? bytes : 'body_too_large',
        );
      }
    });

    it('are refused at once, and nobody is asked, when they say that they are too large', async () => {
      const sent = await open('/files', { 'content-length': MAX_BODY_BYTES + 1 });
      sent.flushHeaders();
      expect(await problemOf(sent)).toEqual([413, 'body_too_large']);
      expect(asked).toBe(0);
      sent.destroy();
    });

    it('and turn out to be too large in the middle of the answer end the connection', async () => {
      let aborted = false;
      serve = (incoming, response) => {
        incoming.on('error', () => (aborted = true)).resume();
        response.write('begun');
      };
      const sent = await open('/files');
      sent.write('x');
      const answer = await answerOf(sent);
      sent.write('x'.repeat(MAX_BODY_BYTES));
      await expect(textOf(answer)).rejects.toThrow();
      await until(() => aborted);
    });

    it('abort the request there when they turn out to be too large', async () => {
      let aborted = false;
      serve = (incoming) => void incoming.on('error', () => (aborted = true)).resume();
      const sent = await open('/files');
      sent.write('x'.repeat(MAX_BODY_BYTES + 1));
      expect(await problemOf(sent)).toEqual([413, 'body_too_large']);
      await until(() => aborted);
    });

    it('that go on without an end are not listened to for long', async () => {
      serve = (incoming) => void incoming.on('error', () => undefined).resume();
      const socket = connect(gateway.port, '127.0.0.1');
      const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
      let received = '';
      socket.on('data', (chunk) => (received += String(chunk)));
      const token = await gateway.token();
      socket.write(
        `POST /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      const chunk = `${(64 * KIB).toString(16)}\r\n${'x'.repeat(64 * KIB)}\r\n`;
      const sending = setInterval(() => socket.write(chunk), 20);
      await closed;
      clearInterval(sending);
      expect(received).toMatch(/^HTTP\/1\.1 413 /);
      expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
    });

    it('that stop coming are answered with 408, and abort the request there', async () => {
      let aborted = false;
      serve = (incoming) => void incoming.on('error', () => (aborted = true)).resume();
      for (const headers of [{}, { 'content-length': 10 }, { 'content-length': 100 * KIB }]) {
        const sent = await open('/files', headers);
        sent.write('x');
        expect(await problemOf(sent)).toEqual([408, 'request_timeout']);
        sent.destroy();
      }
      await until(() => aborted);
    });

    it('that come slowly, but come, are waited for', async () => {
      const sent = await open('/files');
      for (let i = 0; i < 4; i++) {
        sent.write('x');
        await sleep(IDLE_MS / 2);
      }
      sent.end();
      expect(await textOf(await answerOf(sent))).toBe('4');
    });

    it('that the service takes no more of are answered with 504, which names it', async () => {
      // What doesn't fit into the buffers of the system.
      serve = (incoming) => void incoming.pause();
      const sent = await open('/large');
      const chunk = Buffer.alloc(1024 * KIB);
      for (let i = 0; i < 32; i++) sent.write(chunk);
      expect(await problemOf(sent)).toEqual([504, 'upstream_timeout', 'resource']);
      sent.destroy();
    });

    it('end with their client', async () => {
      let aborted = false;
      serve = (incoming) => void incoming.on('error', () => (aborted = true)).resume();
      const sent = await open('/large');
      sent.write('x');
      await until(() => asked === 1);
      sent.destroy();
      await until(() => aborted);
    });

    it('are sent once more when they are small, and the service refuses the token', async () => {
      const bodies: string[] = [];
      serve = (incoming, response) =>
        read(incoming, (text) => {
          bodies.push(text);
          response.writeHead(bodies.length === 1 ? 401 : 200).end('fine');
        });
      const answer = await gateway.call('/files', { method: 'POST', body: 'small' });
      expect([answer.status, await answer.text(), bodies]).toEqual([200, 'fine', ['small', 'small']]);
    });

    it('are not when they were streamed', async () => {
      serve = (incoming, response) => read(incoming, () => response.writeHead(401).end());
      const sent = await open('/files');
      sent.write('x');
      sent.end('x');
      expect(await problemOf(sent)).toEqual([503, 'relay_token_refused', 'resource']);
      expect(asked).toBe(1);
    });

    it('do not keep a service from answering before they end', async () => {
      serve = (_incoming, response) => response.writeHead(409).end('conflict');
      const sent = await open('/large');
      sent.write(Buffer.alloc(300 * KIB));
      const answer = await answerOf(sent);
      expect([answer.statusCode, await textOf(answer)]).toEqual([409, 'conflict']);
      sent.destroy();
    });
  });

  describe('that a client asks about first (Expect: 100-continue)', () => {
    const asking = async (path: string, bytes: number, token: string) => {
      const socket = connect(gateway.port, '127.0.0.1');
      let received = '';
      const ended = once(socket, 'end');
      socket.on('data', (chunk) => (received += String(chunk)));
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${bytes}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      await until(() => received.includes('\r\n\r\n'));
      return { socket, received: () => received, ended };
    };

    it.each([5, 100 * KIB])('are asked for when somebody is going to read them: %p bytes', async (bytes) => {
      const { socket, received } = await asking('/files', bytes, await gateway.token());
      expect(received()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      socket.write('x'.repeat(bytes));
      await until(() => received().includes(`\r\n\r\n${bytes}`) || received().includes(`\r\n${bytes}\r\n`));
      socket.destroy();
    });

    it.each([
      ['without a token', '/files', 5, 'x', 401],
      ['too large', '/files', MAX_BODY_BYTES + 1, undefined, 413],
      ['to nowhere', '/nowhere', 5, undefined, 404],
    ])('are not asked for %s, and the connection ends', async (_what, path, bytes, token, status) => {
      const { received, ended } = await asking(path, bytes, token ?? (await gateway.token()));
      await ended;
      expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(received()).toMatch(/connection: close/i);
    });
  });

  describe('from a service', () => {
    it('come as they are sent, without what belongs to one connection', async () => {
      serve = (_incoming, response) => {
        response.writeEarlyHints({ link: '</x>; rel=preload' });
        response.writeHead(200, { trailer: 'x-sum', 'x-inner': '1', connection: 'x-inner' });
        response.write('first');
        setTimeout(() => {
          response.addTrailers({ 'x-sum': '1' });
          response.end('last');
        }, 200);
      };
      const sent = await open('/files');
      sent.end();
      const answer = await answerOf(sent);
      const [first] = (await once(answer, 'data')) as [Buffer];
      expect(String(first)).toBe('first');
      expect(await textOf(answer)).toBe('last');
      expect(answer.headers).not.toHaveProperty('x-inner');
      expect(answer.headers).not.toHaveProperty('trailer');
      expect(answer.trailers).toEqual({});
    });

    it('pass compressed as they are', async () => {
      serve = (_incoming, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('text'));
      const sent = await open('/files', { 'accept-encoding': 'gzip' });
      sent.end();
      const answer = await answerOf(sent);
      const chunks = (await answer.toArray()) as Buffer[];
      expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe('text');
    });

    it('keep their length in the answer to HEAD', async () => {
      serve = (_incoming, response) => response.writeHead(200, { 'content-length': '7' }).end();
      const answer = await gateway.call('/files', { method: 'HEAD' });
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '7']);
    });

    it('end with their client', async () => {
      let closed = false;
      serve = (_incoming, response) => {
        response.on('close', () => (closed = true)).write('begun');
      };
      const sent = await open('/files');
      sent.end();
      await once(await answerOf(sent), 'data');
      sent.destroy();
      await until(() => closed);
    });

    it('end when nothing comes of them for too long, before they begin or after', async () => {
      serve = (_incoming, response) => response.flushHeaders();
      const before = await open('/files');
      before.end();
      expect(await problemOf(before)).toEqual([504, 'upstream_timeout', 'resource']);
      serve = (_incoming, response) => void response.write('begun');
      const after = await open('/files');
      after.end();
      await expect(textOf(await answerOf(after))).rejects.toThrow();
    });

    it('end when a client takes nothing of them for too long', async () => {
      let closed = false;
      serve = (_incoming, response) => {
        response.on('close', () => (closed = true));
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(256 * KIB)));
          response.once('drain', more);
        };
        more();
      };
      const sent = await open('/files');
      sent.end();
      const answer = await answerOf(sent);
      answer.pause();
      await until(() => closed);
      sent.destroy();
    });

    it('come in the order of the requests, when a client waits for none of them', async () => {
      serve = (incoming, response) => response.end(`${incoming.url}\n`);
      const authorization = `Authorization: Bearer ${await gateway.token()}`;
      const requests = Array.from({ length: 30 }, (_, i) => {
        const last = i === 29 ? 'Connection: close\r\n' : '';
        return `GET /files/${i} HTTP/1.1\r\nHost: x\r\n${last}${authorization}\r\n\r\n`;
      });
      const received = await gateway.raw(requests.join(''));
      expect([...received.matchAll(/^\/files\/(\d+)$/gm)].map(([, i]) => Number(i))).toEqual(requests.map((_, i) => i));
    });

    it('end when a client takes nothing of many that are small for too long', async () => {
      const text = 'x'.repeat(60 * KIB);
      serve = (_incoming, response) => void response.end(text);
      const token = await gateway.token();
      const server = gateway.app.getHttpServer();
      const connected = once(server, 'connection') as Promise<[Socket]>;
      const client = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
      const [socket] = await connected;
      const closed = once(socket, 'close');
      const one = `GET /files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      // More than the buffers of the system hold.
      client.write(one.repeat(300));
      await closed;
      client.destroy();
    });

    it('of a service that is away are 502, which names it', async () => {
      const away = await GatewayApp.start({ table: { ...TABLE, destinations: AWAY }, service: () => undefined });
      const answer = await away.call('/files');
      expect(await answer.json()).toMatchObject({ status: 502, code: 'upstream_unreachable', hop: 'resource' });
      await away.stop();
    });
  });

  describe('that are said to be two things', () => {
    const head = (token: string, ...lines: string[]) =>
      [`POST /files HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${token}`, ...lines, '', ''].join('\r\n');
    const INNER = 'GET /files/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

    it.each([
      ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${INNER}`],
      ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${INNER}`],
      ['two lengths', ['Content-Length: 0', `Content-Length: ${INNER.length}`], INNER],
      ['two lengths in one', [`Content-Length: 0, ${INNER.length}`], INNER],
      ['a length with a sign', ['Content-Length: +5'], 'xxxxx'],
      ['chunks that are no last encoding', ['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${INNER}`],
      ['chunks by another name', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${INNER}`],
      ['chunks twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${INNER}`],
      ['chunks with a space before the colon', ['Transfer-Encoding : chunked'], `0\r\n\r\n${INNER}`],
      ['chunks in a folded line', ['X: y', ' Transfer-Encoding: chunked', 'Content-Length: 0'], INNER.slice(0, 0)],
      ['a chunk of no length', ['Transfer-Encoding: chunked'], `x\r\n${INNER}`],
      ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], `1\r\nxy\r\n0\r\n\r\n`],
    ])('are refused, or read in one way: %s', async (_what, lines, body) => {
      const targets: (string | undefined)[] = [];
      serve = (incoming, response) => {
        targets.push(incoming.url);
        read(incoming, () => response.end());
      };
      const received = await gateway.raw(head(await gateway.token(), ...lines, 'Connection: close') + body);
      expect(received).toMatch(/^HTTP\/1\.1 400 /);
      expect(targets).not.toContain('/files/smuggled');
    });
  });

  it('that nobody reads do not take the answer away', async () => {
    const sent = request(`${gateway.url}/large`, { method: 'POST', agent: false });
    sent.on('error', () => undefined);
    sent.end(Buffer.alloc(4 * 1024 * KIB));
    expect(await problemOf(sent)).toEqual([401, 'token_missing']);
    expect(asked).toBe(0);
  });
});

/** Reads a request to its end, if it has one. */
function read(incoming: IncomingMessage, whole: (text: string) => void): void {
  textOf(incoming).then(whole, () => undefined);
}

const AWAY = { resource: { url: 'http://127.0.0.1:1', audience: 'resource', scopes: ['documents:read'] } };
