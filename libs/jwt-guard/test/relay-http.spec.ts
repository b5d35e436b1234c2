import { TestIssuer } from '@token-relay/testing';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  currentPrincipal,
  type RelayContext,
  relayContextFor,
  RelayHttpClient,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { type CallState } from '../src/nest/call-state';
import { currentCall } from '../src/relay/relay-context';
import { RelayIssuerPeer, RelayPeer } from './relay-peer';

describe('RelayHttpClient', () => {
  let issuer: TestIssuer;
  let auth: RelayIssuerPeer;
  let peer: RelayPeer;
  let relay: TokenRelay;
  let client: RelayHttpClient;
  let context: RelayContext;

  beforeEach(async () => {
    issuer = await TestIssuer.create();
    [auth, peer] = await Promise.all([new RelayIssuerPeer().start(), new RelayPeer().start()]);
    start(peer.origin);
    context = await contextFor('alice');
  });
  afterEach(async () => {
    await stop();
    await Promise.all([auth.stop(), peer.stop()]);
  });

  async function contextFor(sub: string): Promise<RelayContext> {
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
    });
    return relayContextFor(verifier, await issuer.token({ sub }));
  }
  function start(baseUrl: string, timeoutMs = 10_000): void {
    relay = new TokenRelay({
      tokenEndpoint: `${auth.origin}/oauth/token`,
      clientId: 'gateway',
      clientSecret: 'secret',
      dangerouslyAllowHttp: true,
      timeoutMs,
      destinations: { peer: { audience: 'peer', mode: 'exchange', scopes: ['a'], baseUrl } },
    });
    client = new RelayHttpClient(relay);
  }
  async function stop(): Promise<void> {
    await client.onApplicationShutdown();
    await relay.onApplicationShutdown();
  }
  type Request = Parameters<RelayHttpClient['request']>[1];
  const request = (changed: Partial<Request> = {}) =>
    runAs(context, () => client.request('peer', { method: 'GET', path: '/', ...changed }));
  const bodyOf = async (changed: Partial<Request> = {}) => (await request(changed)).body.text();

  describe('on a connection that ends without an answer', () => {
    /** Ends the first connections as soon as something comes, and answers on the others. */
    let server: Server;
    let ended: number;
    let connections: number;
    beforeEach(async () => {
      connections = 0;
      ended = 1;
      server = createServer((socket: Socket) => {
        connections++;
        const isEnded = connections <= ended;
        socket.on('error', () => undefined);
        socket.once('data', () => {
          if (isEnded) socket.destroy();
          else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      await stop();
      start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
    afterEach(() => new Promise((resolve) => server.close(resolve)));

    it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'] as const)('sends %s once more', async (method) => {
      const { statusCode, body } = await request({ method });
      await body.dump();
      expect(statusCode).toBe(200);
      expect(connections).toBe(2);
    });

    it.each(['POST', 'PATCH'] as const)('sends %s no more: it may have been done', async (method) => {
      await expect(request({ method })).rejects.toMatchObject({ code: 'upstream_failed', hop: 'peer' });
      expect(connections).toBe(1);
    });

    it('sends no stream once more', async () => {
      const body = Readable.from([Buffer.from('once')]);
      await expect(request({ method: 'PUT', body })).rejects.toMatchObject({ code: 'upstream_failed' });
      expect(connections).toBe(1);
    });

    it('sends nothing a third time', async () => {
      ended = 2;
      await expect(request()).rejects.toMatchObject({ code: 'upstream_failed', status: 502, hop: 'peer' });
      expect(connections).toBe(2);
    });
  });

  it('says which destination is away', async () => {
    await stop();
    start('http://127.0.0.1:9');
    await expect(request()).rejects.toMatchObject({ code: 'upstream_unreachable', status: 502, hop: 'peer' });
  });

  describe('on a destination that is silent', () => {
    beforeEach(() => (peer.answer = () => undefined));

    it('waits as long as the contract says', async () => {
      await stop();
      start(peer.origin, 100);
      await expect(request()).rejects.toMatchObject({ code: 'upstream_timeout', status: 504, hop: 'peer' });
    });

    it('waits as long as the call says', async () => {
      await expect(request({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'upstream_timeout' });
    });

    it('tells it how long', async () => {
      await request({ timeoutMs: 100 }).catch(() => undefined);
      const told = Number(peer.requests[0]?.headers['x-request-timeout-ms']);
      expect(told).toBeGreaterThan(0);
      expect(told).toBeLessThanOrEqual(100);
    });

    it('stops when the caller has gone', async () => {
      const gone = new AbortController();
      const waiting = request({ signal: gone.signal });
      const closed = new Promise<void>((resolve) => {
        peer.answer = (_response, _received, raw) => {
          raw.socket.once('close', () => resolve());
          gone.abort();
        };
      });
      await expect(waiting).rejects.toThrow();
      await closed;
    });

    it('asks nobody for a caller who has gone before', async () => {
      await expect(request({ signal: AbortSignal.abort() })).rejects.toThrow();
      expect(peer.requests).toEqual([]);
    });
  });

  it('gives a body that comes slowly the time that it is allowed', async () => {
    peer.answer = (response) => {
      response.write('a');
      setTimeout(() => response.end('b'), 300);
    };
    expect(await bodyOf({ timeoutMs: 150, bodyTimeoutMs: 5_000 })).toBe('ab');
  });

  it('sends a stream as it comes, and without a word on how long the answer may take', async () => {
    const body = Readable.from([Buffer.from('one '), Buffer.from('two')]);
    expect(await bodyOf({ method: 'POST', body })).toBe('{}');
    expect(peer.requests[0]).toMatchObject({ body: 'one two', headers: { 'transfer-encoding': 'chunked' } });
    expect(peer.requests[0]?.headers['x-request-timeout-ms']).toBeUndefined();
  });

  it('gives a streamed body longer than its answer', async () => {
    async function* slowly() {
      for (const part of ['a', 'b', 'c']) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        yield Buffer.from(part);
      }
    }
    expect(await bodyOf({ method: 'POST', body: Readable.from(slowly()), timeoutMs: 150 })).toBe('{}');
    expect(peer.requests[0]?.body).toBe('abc');
  });

  it('sends no stream twice: a destination that refuses its token is nobody’s 401, and gets another next time', async () => {
    peer.answer = (response) => void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    const body = Readable.from([Buffer.from('once')]);
    await expect(request({ method: 'POST', body })).rejects.toMatchObject({ code: 'relay_token_refused', hop: 'peer' });
    expect(peer.requests).toHaveLength(1);
    expect(auth.forms).toHaveLength(1);
    peer.answer = (response) => void response.end();
    await bodyOf();
    expect(auth.forms).toHaveLength(2);
  });

  it('holds no listener on a signal that outlives its calls', async () => {
    const signal = new AbortController().signal;
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    const { body } = await request({ signal });
    const closed = once(body, 'close');
    await body.text();
    await closed;
    // undici is given another: what it listens to is none of this one's.
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });

  describe('with the body of an answer', () => {
    it('runs listeners and transforms for whoever made the call, whoever the connection was opened for', async () => {
      const bob = await contextFor('bob');
      const alice = await contextFor('alice');
      peer.answer = (response) => {
        response.write('first');
        setTimeout(() => response.end('second'), 20);
      };
      const seen: [string, string | undefined][] = [];
      for (const [name, as] of [
        ['alice', alice],
        ['bob', bob],
      ] as const) {
        const { body } = await runAs(as, () => client.request('peer', { method: 'GET', path: '/' }));
        runAs(as, () => body.on('data', () => seen.push([name, currentPrincipal()?.subject])));
        await once(body, 'close');
      }
      expect(peer.sockets.size).toBe(1);
      expect(seen.filter(([name, subject]) => name !== subject)).toEqual([]);
      expect(seen).toHaveLength(4);
    });

    it('has all of it where it came along with the headers, until it is asked for as a stream', async () => {
      peer.answer = (response) => void response.end('small');
      const answer = await request();
      expect([answer.whole, answer.whole]).toEqual([Buffer.from('small'), Buffer.from('small')]);
      expect(await answer.body.text()).toBe('small');
      expect(answer.whole).toBeUndefined();
      expect(answer.body.bodyUsed).toBe(true);
    });

    it('has none of it as a whole where something is yet to come', async () => {
      peer.answer = (response) => {
        response.write('first');
        setTimeout(() => response.end('second'), 20);
      };
      const answer = await request();
      expect(answer.whole).toBeUndefined();
      expect(await answer.body.text()).toBe('firstsecond');
    });

    it('takes no more than a part of it before somebody reads, and then all', async () => {
      const size = 32 * 1024 * 1024;
      let sent: ServerResponse | undefined;
      peer.answer = (response) => void (sent = response).end(Buffer.alloc(size));
      const answer = await request();
      await new Promise((later) => setTimeout(later, 200));
      expect(sent?.writableFinished).toBe(false);
      expect((await answer.body.bytes()).length).toBe(size);
    });

    it('gives its connection up when it is dumped and is too long', async () => {
      peer.answer = (response) => void response.end(Buffer.alloc(4 * 1024 * 1024));
      const before = peer.sockets.size;
      const { body } = await request();
      await body.dump({ limit: 1_000 });
      expect(body.destroyed).toBe(true);
      peer.answer = (response) => void response.end('next');
      expect(await bodyOf()).toBe('next');
      expect(peer.sockets.size).toBeGreaterThan(before);
    });

    it('says of one that breaks off what it says of a destination that does', async () => {
      peer.answer = (response) => {
        response.writeHead(200, { 'content-length': '10' }).write('half');
        setTimeout(() => response.destroy(), 10);
      };
      const { body } = await request();
      await expect(body.text()).rejects.toMatchObject({ code: 'upstream_failed', hop: 'peer' });
    });

    it('says of one that stops coming that it took too long', async () => {
      peer.answer = (response) => void response.write('half');
      const { body } = await request({ bodyTimeoutMs: 100 });
      await expect(body.text()).rejects.toMatchObject({ code: 'upstream_timeout', hop: 'peer' });
    });

    it('leaves alone what its reader says', async () => {
      peer.answer = (response) => void response.write('half');
      const { body } = await request();
      const failed = once(body, 'error').catch((error: unknown) => [error]);
      body.destroy(new RangeError('enough'));
      expect(await failed).toEqual([new RangeError('enough')]);
    });
  });

  it('fails with a stream that does, also while there is no token yet', async () => {
    auth.answer = () => undefined;
    const body = createReadStream('/nonexistent/file');
    const calling = request({ method: 'POST', body, timeoutMs: 100 });
    await expect(calling).rejects.toMatchObject({ code: 'exchange_unavailable' });
    expect(body.destroyed).toBe(true);
  });

  it('waits for the issuer no longer than it may take in all', async () => {
    auth.answer = () => undefined;
    await expect(request({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'exchange_unavailable', status: 503 });
  });

  it('waits for the end of a refusal no longer than it may take in all', async () => {
    peer.answer = (response) => void response.writeHead(401).write('…');
    await expect(request({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'upstream_timeout', hop: 'peer' });
  });

  it('waits after the end of a stream, also of one that has ended before', async () => {
    peer.answer = () => undefined;
    const body = Readable.from([Buffer.from('x')]);
    body.resume();
    await once(body, 'close');
    await expect(request({ method: 'POST', body, timeoutMs: 100 })).rejects.toMatchObject({ status: 504 });
  });

  it('sends a stream no longer than the caller of the call waits', async () => {
    const body = new Readable({ read: () => undefined });
    body.push('x');
    const within = () => {
      (currentCall() as CallState).deadline = performance.now() + 100;
      return client.request('peer', { method: 'POST', path: '/', body });
    };
    await expect(runAs(context, within)).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('returns no challenge for a token of its own', async () => {
    peer.answer = (response) => void response.writeHead(403, { 'www-authenticate': 'Bearer realm="peer"' }).end();
    const { statusCode, headers, body } = await request();
    await body.dump();
    expect([statusCode, headers['www-authenticate']]).toEqual([403, undefined]);
  });

  it.each([
    ['a path with a space', { path: '/a b' }],
    ['a header of two lines', { headers: { 'x-color': 'red\r\nauthorization: Bearer x' } }],
    ['a header of the connection', { headers: { 'transfer-encoding': 'chunked' } }],
    ['no time', { timeoutMs: 0 }],
    ['time without end', { timeoutMs: Infinity }],
    ['more time than can be told', { timeoutMs: 10_000_000 }],
    ['a time that is no number', { timeoutMs: NaN }],
    ['less than no time for its body', { bodyTimeoutMs: -1 }],
  ])('takes no request with %s', async (_what, changed) => {
    await expect(request(changed)).rejects.toThrow(TypeError);
    expect(peer.requests).toEqual([]);
  });

  it('can be shut down twice', async () => {
    await bodyOf();
    await stop();
    await stop();
  });

  it('lets a caller who goes in the middle of an answer end it', async () => {
    peer.answer = (response) => void response.write('a');
    const gone = new AbortController();
    const { body } = await request({ signal: gone.signal });
    const ended = once(body, 'error');
    body.once('data', () => gone.abort());
    await ended;
  });
});
