import { Controller, Get, Module } from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { JwtGuardModule, Public } from '@token-relay/jwt-guard';
import { TestIssuer } from '@token-relay/testing';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';
import { Drain } from './drain';
import { HealthModule } from './health.module';
import { createHttpApp } from './http-app';
import { KEEP_ALIVE_MS } from './http-drain';
import { createLogger } from './logger';

const REQUEST = 'GET /quick HTTP/1.1\r\nHost: a\r\n\r\n';
let release: (() => void) | undefined;

@Public('a test of the end')
@Controller()
class Answers {
  @Get('quick')
  quick() {
    return { quick: true };
  }

  @Get('slow')
  async slow() {
    await new Promise<void>((resolve) => (release = resolve));
    return { slow: true };
  }
}

@Module({ controllers: [Answers] })
class AnswersModule {}

describe('an HTTP server that drains', () => {
  let app: NestFastifyApplication;
  let url: string;
  let drain: Drain;
  beforeEach(() => (release = undefined));

  async function start(drainSeconds: number): Promise<void> {
    const { issuer, audience, jwks } = await TestIssuer.create();
    const guard = JwtGuardModule.forRoot({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwks }] });
    const health = HealthModule.forRoot('kit', { useFactory: () => ({}) });
    const logger = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    app = await createHttpApp({ module: AnswersModule, imports: [guard, health] }, { logger, drainSeconds });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    drain = app.get(Drain);
  }
  afterEach(() => app.close());

  const open = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    await once(socket, 'connect');
    return socket;
  };
  /** What comes for a request on this connection. */
  const ask = async (socket: Socket): Promise<string> => {
    socket.write(REQUEST);
    let text = '';
    while (!text.includes('{"quick":true}')) text += String(((await once(socket, 'data')) as [Buffer])[0]);
    return text;
  };
  const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

  it('is not ready, and answers as before', async () => {
    await start(1);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const draining = drain.run();
    const probe = await fetch(`${url}/readyz`);
    expect({ status: probe.status, body: await probe.json() }).toMatchObject({
      status: 503,
      body: { code: 'not_ready', failing: ['draining'] },
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${url}/quick`)).json()).toEqual({ quick: true });
    await draining;
  });

  it('ends each connection with its answer: those that are kept, and those that are new', async () => {
    await start(1);
    const kept = await open();
    expect(await ask(kept)).toMatch(/^connection: keep-alive\r$/im);
    const draining = drain.run();
    for (const socket of [kept, await open()]) {
      const ended = once(socket, 'end');
      expect(await ask(socket)).toMatch(/^connection: close\r$/im);
      await ended;
    }
    await draining;
  });

  it('ends a connection that nothing comes by when its time is over, and not before', async () => {
    await start(1);
    const kept = await open();
    await ask(kept);
    let isEnded = false;
    kept.once('end', () => (isEnded = true)).resume();
    const draining = drain.run();
    await sleep(700);
    expect(isEnded).toBe(false);
    await sleep(500);
    expect(isEnded).toBe(true);
    await draining;
  });

  it('goes on for its whole time with nobody connected, since somebody may still be led to it', async () => {
    await start(1);
    const draining = drain.run();
    await sleep(900);
    expect(await (await fetch(`${url}/quick`)).json()).toEqual({ quick: true });
    await draining;
  });

  it('refuses connections after its time, and serves for a second more those that have come before', async () => {
    await start(1);
    const draining = drain.run();
    await sleep(900);
    const fresh = await open();
    await sleep(400);
    await expect(open()).rejects.toThrow('ECONNREFUSED');
    expect(await ask(fresh)).toMatch(/^connection: close\r$/im);
    await draining;
  });

  it.each([0, 1])('lets a request under way be answered, after %i s', async (seconds) => {
    await start(seconds);
    const slow = fetch(`${url}/slow`);
    while (!release) await sleep(5);
    const ending = drain.run().then(() => app.close());
    await sleep(seconds * 1000 + 200);
    release();
    release = undefined;
    expect(await (await slow).json()).toEqual({ slow: true });
    await ending;
  });

  it('waits for no request whose connection has gone, not even for one behind another', async () => {
    await start(0);
    const socket = await open();
    socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
    while (!release) await sleep(5);
    await sleep(50);
    socket.destroy();
    await sleep(50);
    const begun = performance.now();
    await drain.run();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('with no time ends at once what nothing comes by', async () => {
    await start(0);
    const sockets = [await open(), await open()];
    await ask(sockets[0] as Socket);
    const begun = performance.now();
    await drain.run();
    await app.close();
    expect(performance.now() - begun).toBeLessThan(500);
  });

  it.each([
    [5, 'timeout=4'],
    [1, 'timeout=0'],
    [0, `timeout=${KEEP_ALIVE_MS / 1000}`],
  ])('that drains for %i s says before for how long a connection may be used again: %s', async (seconds, hint) => {
    await start(seconds);
    expect((await fetch(`${url}/quick`)).headers.get('keep-alive')).toBe(hint);
    expect(app.getHttpAdapter().getHttpServer()).toMatchObject({ keepAliveTimeout: KEEP_ALIVE_MS });
  });

  it('has undici not use a connection again that could be ended', async () => {
    await start(4);
    const pool = new Pool(url, { connections: 1 });
    const { server } = app.getHttpAdapter().getInstance();
    let connections = 0;
    server.on('connection', () => connections++);
    const request = async () => (await pool.request({ method: 'GET', path: '/quick' })).body.dump();
    await request();
    await request();
    expect(connections).toBe(1);
    // A connection may be used again for 3 s, less the 2 s that undici leaves for what is on its way.
    await sleep(2_500);
    await request();
    expect(connections).toBe(2);
    await pool.close();
  });
});
