import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GatewayApp, until } from './gateway-app';

const IDLE_MS = 300;
const TABLE = {
  destinations: { resource: { url: 'SERVICE', audience: 'resource', scopes: ['documents:read'] } },
  routes: [{ prefix: '/events', methods: ['GET'], destination: 'resource', timeoutMs: IDLE_MS }],
};

describe('an event stream on its way through the gateway', () => {
  let gateway: GatewayApp;
  let service: ServerResponse;
  let headers: Record<string, string>;
  let status = 200;
  let isClosed: boolean;

  const start = () =>
    GatewayApp.start({
      table: TABLE,
      service: (_request, response) => {
        service = response;
        isClosed = false;
        response.on('close', () => (isClosed = true));
        response.writeHead(status, { 'content-type': 'text/event-stream; charset=utf-8', ...headers }).flushHeaders();
      },
    });
  beforeAll(async () => {
    gateway = await start();
  });
  beforeEach(() => {
    headers = {};
    status = 200;
  });
  afterAll(() => gateway.stop());

  /** What has come of a stream so far. */
  class Subscriber {
    readonly #chunks: Buffer[] = [];
    isComplete = false;
    isOver = false;

    constructor(readonly answer: IncomingMessage) {
      answer.on('data', (chunk: Buffer) => this.#chunks.push(chunk)).on('error', () => undefined);
      answer.on('end', () => (this.isComplete = true)).on('close', () => (this.isOver = true));
    }

    get bytes(): Buffer {
      return Buffer.concat(this.#chunks);
    }
    get text(): string {
      return this.bytes.toString();
    }
  }

  async function subscribe(token: string, at = gateway): Promise<Subscriber> {
    const sent = request(`${at.url}/events`, { headers: { authorization: `Bearer ${token}` }, agent: false });
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      sent.on('response', resolve).on('error', reject).end(),
    );
    return new Subscriber(answer);
  }
  const END = (code: string) =>
    expect.stringMatching(new RegExp(`^event: exception\ndata: .*"code":"${code}".*\n\n$`)) as string;

  it('begins at once, brings each event when it comes, and lasts however long nothing does', async () => {
    headers = { 'x-accel-buffering': 'no', 'cache-control': 'no-cache' };
    const subscriber = await subscribe(await gateway.token());
    expect(subscriber.answer.headers).toMatchObject({ 'x-accel-buffering': 'no', 'cache-control': 'no-cache' });
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      service.write(event);
      await until(() => subscriber.text.endsWith(event));
      await sleep(2 * IDLE_MS);
    }
    expect(subscriber.isOver).toBe(false);
    service.end();
    await until(() => subscriber.isComplete);
  });

  it('ends with an event that says so when the token is revoked', async () => {
    const [token, other] = [await gateway.token({ jti: 'revoked-1' }), await gateway.token()];
    const subscriber = await subscribe(token);
    const stays = await subscribe(other);
    const events = service;
    gateway.feed.revoke({ kind: 'jti', value: 'revoked-1', until: Math.floor(Date.now() / 1000) + 600 });
    await until(() => subscriber.isComplete);
    expect(subscriber.text).toEqual(END('token_revoked'));
    expect(stays.isOver).toBe(false);
    events.end();
    await until(() => stays.isComplete);
  });

  it('ends when the token expires, and at the service as well', async () => {
    const now = Math.floor(Date.now() / 1000);
    const subscriber = await subscribe(await gateway.token({ iat: now - 10, exp: now + 2 }));
    service.write('data: 1\r\n\r\n');
    await until(() => subscriber.isComplete);
    expect(subscriber.text.slice('data: 1\r\n\r\n'.length)).toEqual(END('token_expired'));
    await until(() => isClosed);
  });

  it('ends without a word in the middle of an event, which nobody may take for a whole one', async () => {
    const subscriber = await subscribe(await gateway.token({ jti: 'revoked-2' }));
    service.write('data: 1\n\ndata: ha');
    await until(() => subscriber.text.endsWith('ha'));
    gateway.feed.revoke({ kind: 'jti', value: 'revoked-2', until: Math.floor(Date.now() / 1000) + 600 });
    await until(() => subscriber.isComplete);
    expect(subscriber.text).toBe('data: 1\n\ndata: ha');
  });

  it('ends without a word when it is compressed', async () => {
    headers = { 'content-encoding': 'gzip' };
    const subscriber = await subscribe(await gateway.token({ jti: 'revoked-3' }));
    const event = gzipSync('data: 1\n\n');
    service.write(event);
    await until(() => subscriber.bytes.length === event.length);
    gateway.feed.revoke({ kind: 'jti', value: 'revoked-3', until: Math.floor(Date.now() / 1000) + 600 });
    await until(() => subscriber.isComplete);
    expect(gunzipSync(subscriber.bytes).toString()).toBe('data: 1\n\n');
  });

  it.each([
    [201, 'text/event-stream', true],
    [200, 'application/x-ndjson', false],
    [200, 'multipart/x-mixed-replace; boundary=x', false],
  ])('ends with the token also as %s %s, and breaks off where no event could say so', async (code, type, isSaid) => {
    status = code;
    headers = { 'content-type': type };
    const jti = `revoked-${type}`;
    const subscriber = await subscribe(await gateway.token({ jti }));
    service.write('x\n\n');
    await until(() => subscriber.text !== '');
    gateway.feed.revoke({ kind: 'jti', value: jti, until: Math.floor(Date.now() / 1000) + 600 });
    await until(() => subscriber.isOver);
    expect(subscriber.isComplete).toBe(isSaid);
  });

  it('breaks off when it breaks off there', async () => {
    const subscriber = await subscribe(await gateway.token());
    service.write('data: 1\n\n');
    await until(() => subscriber.text !== '');
    service.destroy();
    await until(() => subscriber.isOver);
    expect(subscriber.isComplete).toBe(false);
  });

  it('ends there with its client', async () => {
    const subscriber = await subscribe(await gateway.token());
    subscriber.answer.destroy();
    await until(() => isClosed);
  });

  it('ends when its client takes nothing of what there is', async () => {
    const subscriber = await subscribe(await gateway.token());
    subscriber.answer.pause();
    const more = (): void => {
      while (!service.destroyed && service.write(`data: ${'x'.repeat(100_000)}\n\n`));
      service.once('drain', more);
    };
    more();
    await until(() => isClosed);
    subscriber.answer.destroy();
  });

  it('does not hold up the end of the gateway', async () => {
    const ending = await start();
    const subscriber = await subscribe(await ending.token(), ending);
    const before = performance.now();
    await ending.stop();
    expect(performance.now() - before).toBeLessThan(4_000);
    await until(() => subscriber.isComplete);
    expect(subscriber.text).toBe('');
  });
});
