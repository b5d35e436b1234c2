import { Controller, type INestMicroservice, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientTCP, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type TlsOptions } from 'node:tls';
import { firstValueFrom } from 'rxjs';
import { TcpProxy, TestCa } from '@token-relay/testing/servers';
import { Drain } from '../drain';
import { drainingSocket } from './draining-socket';
import { RenewingTcpClient } from './renewing-tcp-client';

const LIMITS = { maxBufferSize: 256 * 1024 };

/** One replica. */
class Replica {
  readonly drain: Drain;
  connections = 0;
  readonly cutOff: object[] = [];
  #app!: INestMicroservice;

  private constructor(drainSeconds: number) {
    this.drain = new Drain(drainSeconds);
  }

  static async start(
    name: string,
    { drainSeconds = 1, plain = false, tlsOptions = undefined as TlsOptions | undefined } = {},
  ): Promise<Replica> {
    const replica = new Replica(drainSeconds);
    @Controller()
    class Handlers {
      @MessagePattern('name')
      name() {
        return name;
      }

      @MessagePattern('slow')
      async slow() {
        await new Promise((done) => setTimeout(done, 300));
        return name;
      }

      @MessagePattern('never')
      never() {
        return new Promise(() => undefined);
      }
    }
    class Root {}
    const socketClass = drainingSocket(replica.drain, LIMITS, {
      warn: (details: object) => void replica.cutOff.push(details),
    } as never);
    replica.#app = await NestFactory.createMicroservice<MicroserviceOptions>(
      { module: Root, controllers: [Handlers] },
      {
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port: 0, ...(!plain && { socketClass }), ...(tlsOptions && { tlsOptions }) },
        logger: false,
      },
    );
    await replica.#app.listen();
    replica.server.on('connection', () => replica.connections++);
    replica.drain.onStop(() => replica.server.close());
    return replica;
  }

  get server(): Server {
    return this.#app.unwrap<Server>();
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** As a service ends. */
  async end(): Promise<void> {
    await this.drain.run();
    await this.#app.close();
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

/** Resolves when the other side has ended both directions: whoever only waits for this one goes on reading. */
async function isGone(socket: Socket): Promise<void> {
  socket.on('error', () => undefined).resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([closed, new Promise((resolve) => socket.once('end', resolve))]);
  const writing = setInterval(() => socket.write(' '), 10);
  const limit = new Promise((_, reject) => setTimeout(reject, 2_000, new Error('still open')).unref());
  await Promise.race([closed, limit]).finally(() => {
    clearInterval(writing);
    socket.destroy();
  });
}

describe('RPC over TCP', () => {
  const ended: (() => unknown)[] = [];
  // Nest's client says to the log, too, what is expected here.
  beforeAll(() => void Logger.overrideLogger(false));
  afterAll(() => void Logger.overrideLogger(true));
  afterEach(async () => {
    for (const end of ended.splice(0).reverse()) await end();
  });

  async function start(name: string, options: Parameters<typeof Replica.start>[1] = {}): Promise<Replica> {
    const replica = await Replica.start(name, options);
    ended.push(() => replica.close());
    return replica;
  }

  async function balancer(...replicas: Replica[]): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(...replicas.map(({ port }) => port));
    ended.push(() => proxy.stop());
    return proxy;
  }

  function client(port: number, maxAgeMs?: number): RenewingTcpClient {
    const made = new RenewingTcpClient({ host: '127.0.0.1', port, ...(maxAgeMs !== undefined && { maxAgeMs }) });
    ended.push(() => made.close());
    return made;
  }

  const ask = (of: { send: RenewingTcpClient['send'] }, pattern = 'name'): Promise<string> =>
    firstValueFrom(of.send<string>(pattern, {}));

  /** Asks again and again, several at a time, until it is told to stop. */
  function load(of: { send: RenewingTcpClient['send'] }) {
    const answers: string[] = [];
    const failures: unknown[] = [];
    let over = false;
    const run = async (): Promise<void> => {
      while (!over) {
        await ask(of).then(
          (answer) => answers.push(answer),
          (error: unknown) => failures.push(error),
        );
        await new Promise(setImmediate);
      }
    };
    const runs = Promise.all([run(), run(), run()]);
    return {
      answers,
      failures,
      stop: async () => {
        over = true;
        await runs;
      },
    };
  }

  it('loses no call when a server drains, however many there are', async () => {
    const [first, second] = [await start('first'), await start('second')];
    const proxy = await balancer(first);
    const calls = load(client(proxy.port));
    while (calls.answers.length < 10) await new Promise(setImmediate);
    const ending = first.end();
    proxy.leadTo(second.port);
    await ending;
    await calls.stop();
    expect(calls.failures).toEqual([]);
    expect(calls.answers.at(0)).toBe('first');
    expect(calls.answers.at(-1)).toBe('second');
  });

  it('loses some where the client is one that is not told', async () => {
    const [first, second] = [await start('first'), await start('second')];
    const proxy = await balancer(first);
    const plain = new ClientTCP({ host: '127.0.0.1', port: proxy.port });
    jest.spyOn(plain, 'handleError').mockImplementation(() => undefined);
    const calls = load(plain);
    while (calls.answers.length < 10) await new Promise(setImmediate);
    proxy.leadTo(second.port);
    await first.close();
    while (calls.answers.at(-1) !== 'second') await new Promise(setImmediate);
    await calls.stop();
    plain.close();
    expect(calls.failures.length).toBeGreaterThan(0);
  });

  it("answers Nest's own client before and after it was told, and what it has asked before the end", async () => {
    const replica = await start('first', { drainSeconds: 0.2 });
    const plain = new ClientTCP({ host: '127.0.0.1', port: replica.port });
    ended.push(() => plain.close());
    expect(await ask(plain)).toBe('first');
    const ending = replica.drain.run();
    const slow = ask(plain, 'slow');
    await new Promise((done) => setTimeout(done, 250));
    expect(await ask(plain)).toBe('first');
    expect(await slow).toBe('first');
    await ending;
  });

  it('waits at the end for what is under way, and for nothing else', async () => {
    const replica = await start('first', { drainSeconds: 0 });
    const own = client(replica.port);
    const slow = ask(own, 'slow');
    await new Promise((done) => setTimeout(done, 50));
    const begun = performance.now();
    await replica.end();
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(await slow).toBe('first');
  });

  it('goes by one connection, which is replaced when it has reached its age', async () => {
    const [first, second] = [await start('first'), await start('second')];
    const proxy = await balancer(first, second);
    const young = client(proxy.port);
    for (let i = 0; i < 20; i++) await ask(young);
    expect(first.connections + second.connections).toBe(1);
    const old = client(proxy.port, 20);
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      names.add(await ask(old));
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(names).toEqual(new Set(['first', 'second']));
  });

  it('ends a connection that was replaced when what was asked on it is answered', async () => {
    const replica = await start('first');
    const open = () =>
      new Promise<number>((resolve, reject) =>
        replica.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    const own = client(replica.port, 0);
    await ask(own);
    const slow = ask(own, 'slow');
    await new Promise((done) => setTimeout(done, 50));
    expect(await open()).toBe(2);
    expect(await slow).toBe('first');
    await new Promise((done) => setTimeout(done, 50));
    expect(await open()).toBe(1);
  });

  it('keeps the connection that it has where no other can be made', async () => {
    const replica = await start('first');
    const proxy = await balancer(replica);
    const own = client(proxy.port, 0);
    await ask(own);
    proxy.leadTo();
    const warn = jest.spyOn(Logger.prototype, 'warn');
    for (let i = 0; i < 5; i++) {
      expect(await ask(own)).toBe('first');
      await new Promise((done) => setTimeout(done, 20));
    }
    // And doesn't try it with every call.
    const failures = warn.mock.calls
      .map(([text]) => String(text))
      .filter((text) => text.includes('could not be renewed'));
    expect(failures).toHaveLength(1);
  });

  it.each([
    ['80', 0],
    ['120', 0.999999],
  ])('renews its connection at %s %% of its age, by chance, and not before', async (percent, chance) => {
    const replica = await start('first');
    let passed = 0;
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + passed);
    jest.spyOn(Math, 'random').mockReturnValue(chance);
    const own = client(replica.port, 1_000_000);
    for (const [ms, connections] of [
      [0, 1],
      [Number(percent) * 10_000 - 10_000, 1],
      [Number(percent) * 10_000, 2],
    ] as const) {
      passed = ms;
      await ask(own);
      await new Promise((done) => setTimeout(done, 30));
      expect(replica.connections).toBe(connections);
    }
  });

  it('ends all its connections when it is closed, those too that were replaced', async () => {
    const replica = await start('first');
    const open = () => new Promise<number>((resolve) => replica.server.getConnections((_, count) => resolve(count)));
    const own = client(replica.port, 0);
    await ask(own);
    own.send('never', {}).subscribe({ error: () => undefined });
    await new Promise((done) => setTimeout(done, 50));
    expect(await open()).toBe(2);
    own.close();
    await new Promise((done) => setTimeout(done, 50));
    expect(await open()).toBe(0);
  });

  it('connects anew after the server has gone, and is told when there is none', async () => {
    const replica = await start('first');
    const proxy = await balancer(replica);
    const own = client(proxy.port);
    expect(await ask(own)).toBe('first');
    proxy.drop();
    await new Promise((done) => setTimeout(done, 20));
    expect(await ask(own)).toBe('first');
    proxy.cut();
    await new Promise((done) => setTimeout(done, 20));
    await expect(ask(own)).rejects.toThrow(/ECONNRESET|closed/);
    proxy.restore();
    expect(await ask(own)).toBe('first');
  });

  it('uses no connection again on which nothing comes', async () => {
    const replica = await start('first');
    const proxy = await balancer(replica);
    const own = client(proxy.port);
    await ask(own);
    proxy.silence();
    const unanswered = own.send('name', {}).subscribe({ error: () => undefined });
    await new Promise((done) => setTimeout(done, 3_100));
    unanswered.unsubscribe();
    proxy.restore();
    const before = replica.connections;
    expect(await ask(own)).toBe('first');
    expect(replica.connections).toBe(before + 1);
  });

  it('goes on with one on which other calls are answered while one waits', async () => {
    const replica = await start('first');
    const own = client(replica.port);
    const unanswered = own.send('never', {}).subscribe({ error: () => undefined });
    await new Promise((done) => setTimeout(done, 1_600));
    expect(await ask(own)).toBe('first');
    await new Promise((done) => setTimeout(done, 1_500));
    unanswered.unsubscribe();
    expect(await ask(own)).toBe('first');
    expect(replica.connections).toBe(1);
  });

  it('goes over TLS with what each connection finds then', async () => {
    const [ca, other] = [await TestCa.create(), await TestCa.create()];
    const [server, own] = [await ca.issue(['localhost']), await ca.issue(['client'])];
    const replica = await start('first', { tlsOptions: { ...server, requestCert: true, rejectUnauthorized: true } });
    let trusted: string = other.pem;
    const tlsOptions = {
      cert: own.cert,
      key: own.key,
      get ca() {
        return trusted;
      },
    };
    const secured = new RenewingTcpClient({ host: 'localhost', port: replica.port, tlsOptions });
    ended.push(() => secured.close());
    await expect(ask(secured)).rejects.toThrow();
    trusted = ca.pem;
    expect(await ask(secured)).toBe('first');
    const draining = replica.drain.run();
    expect(await ask(secured)).toBe('first');
    await draining;
  });

  it('waits 3 s for a connection, twice', async () => {
    let connections = 0;
    const silent = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    ended.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const lost = new RenewingTcpClient({ host: '127.0.0.1', port, tlsOptions: {} });
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'performance', 'queueMicrotask'] });
    try {
      const failed = expect(ask(lost)).rejects.toThrow('no connection within 3000 ms');
      for (const attempt of [1, 2]) {
        while (connections < attempt) await new Promise(setImmediate);
        jest.advanceTimersByTime(2_999);
        expect(connections).toBe(attempt);
        jest.advanceTimersByTime(1);
      }
      await failed;
    } finally {
      jest.useRealTimers();
    }
  });

  describe('cuts off at once, and says so in a line without what was sent,', () => {
    const frame = (value: unknown): string => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `${text.length}#${text}`;
    };
    const call = (id: string, pattern = 'name') => frame({ id, pattern, data: {} });
    const never = (count: number) => Array.from({ length: count }, (_, i) => call(`SECRET ${i}`, 'never')).join('');
    const notCalls = 'sends what is no call';

    it.each([
      ['no length', 'SECRET#', 'CorruptedPacketLengthException'],
      ['no JSON', frame('{SECRET'), 'InvalidJSONFormatException'],
      [
        'too much',
        `${2 * LIMITS.maxBufferSize}#${'SECRET'.repeat(LIMITS.maxBufferSize)}`,
        'MaxPacketLengthExceededException',
      ],
      ['an id alone', frame({ id: 'SECRET' }), notCalls],
      ['an id that is none', frame({ id: { SECRET: 1 }, pattern: 'name' }), notCalls],
      ['a pattern that is none', frame({ id: 'SECRET', pattern: { a: 1 } }), notCalls],
      ['an event', frame({ pattern: 'SECRET', data: {} }), notCalls],
      ['a goodbye', frame({ goodbye: true }), notCalls],
      ['null', frame('null'), notCalls],
      ['a number', frame('5'), notCalls],
      ['a call twice', call('SECRET', 'never').repeat(2), 'sends a call twice'],
      ['1,001 calls that are not answered', never(1_001), 'has 1000 calls unanswered'],
    ])('who sends %s', async (_what, bytes, reason) => {
      const replica = await start('first', { drainSeconds: 0 });
      const socket = connect({ host: '127.0.0.1', port: replica.port, allowHalfOpen: true });
      const gone = isGone(socket);
      // What comes behind it isn't read any more.
      for (const part of [bytes, bytes, call('SECRET')]) socket.write(part);
      await gone;
      expect(replica.cutOff).toEqual([{ reason }]);
      const begun = performance.now();
      await replica.drain.run();
      expect(performance.now() - begun).toBeLessThan(1_000);
    });

    it('and ten of many', async () => {
      const replica = await start('first');
      for (let i = 0; i < 12; i++) {
        const socket = connect({ host: '127.0.0.1', port: replica.port });
        socket.on('error', () => undefined).resume();
        socket.write('SECRET#');
        await new Promise((resolve) => socket.once('close', resolve));
      }
      expect(replica.cutOff).toHaveLength(10);
    });

    it('but nobody who leaves 1,000 calls unanswered', async () => {
      const replica = await start('first');
      const socket = connect({ host: '127.0.0.1', port: replica.port });
      socket.write(never(999) + call('SECRET'));
      expect(String(((await once(socket, 'data')) as [Buffer])[0])).toContain('"response":"first"');
      expect(replica.cutOff).toEqual([]);
      socket.destroy();
    });
  });

  it('waits at the end neither for calls of who has gone, nor for one that nobody takes', async () => {
    const replica = await start('first', { drainSeconds: 0 });
    const own = client(replica.port);
    await expect(ask(own, 'unknown')).rejects.toBeDefined();
    own.send('never', {}).subscribe({ error: () => undefined });
    await new Promise((done) => setTimeout(done, 50));
    // Which stays, as it isn't told of the end.
    const another = new ClientTCP({ host: '127.0.0.1', port: replica.port });
    ended.push(() => another.close());
    await ask(another);
    own.close();
    await new Promise((done) => setTimeout(done, 50));
    await expect(ask(another, 'unknown')).rejects.toBeDefined();
    const begun = performance.now();
    await replica.drain.run();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('ends a connection at once on which the other side sends what is no message, and says nothing of that', async () => {
    const said: string[] = [];
    const warn = jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation((text: unknown) => void said.push(String(text)));
    const error = jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation((text: unknown) => void said.push(String(text)));
    const gone: Promise<void>[] = [];
    const hostile = createServer({ allowHalfOpen: true }, (socket) => {
      gone.push(isGone(socket));
      socket.once('data', () => socket.write('SECRET#SECRET'));
    });
    await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
    ended.push(() => hostile.close());
    const own = client((hostile.address() as AddressInfo).port);
    for (let i = 0; i < 12; i++) await expect(ask(own)).rejects.toThrow('Connection closed');
    await Promise.all(gone);
    expect(said).toEqual(
      Array.from({ length: 10 }, () => 'a connection has failed: {"reason":"CorruptedPacketLengthException"}'),
    );
    warn.mockRestore();
    error.mockRestore();
  });

  it.each([0, 1, 5])('has no connection after it was closed while it connected, %i turns later', async (turns) => {
    const replica = await start('first');
    const own = client(replica.port);
    const connecting = own.connect().then(
      () => 'connected',
      () => 'refused',
    );
    for (let i = 0; i < turns; i++) await new Promise(setImmediate);
    own.close();
    await connecting;
    await new Promise((done) => setTimeout(done, 100));
    const left = await new Promise<number>((resolve, reject) =>
      replica.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
    expect(left).toBe(0);
    expect(await ask(own)).toBe('first');
  });

  it('takes no message that is larger than it may be', async () => {
    const replica = await start('first');
    const own = client(replica.port);
    const large = firstValueFrom(own.send('name', { text: 'x'.repeat(LIMITS.maxBufferSize) }));
    await expect(large).rejects.toThrow();
    expect(await ask(own)).toBe('first');
  });
});
