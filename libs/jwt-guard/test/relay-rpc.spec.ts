import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientNats,
  ClientRMQ,
  ClientTCP,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  RpcException,
  type TcpContext,
  Transport,
} from '@nestjs/microservices';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { concatMap, firstValueFrom, interval, lastValueFrom, Observable, of, Subject, take, toArray } from 'rxjs';
import {
  currentPrincipal,
  type DestinationContract,
  RelayClientProxy,
  type RpcClient,
  type RelayContext,
  relayContextFor,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { currentCall } from '../src/relay/relay-context';
import { TokenEndpoint } from './transports/token-endpoint';

interface Received {
  readonly pattern: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, string>>;
}

const received: Received[] = [];
const arrived = new Subject<Received>();

@Controller()
class Peer {
  @MessagePattern(['echo', { cmd: 'echo', version: 2 }])
  echo(@Payload() data: unknown, @Ctx() context: TcpContext): Received {
    return this.#receive(data, context);
  }

  @EventPattern('happened')
  happened(@Ctx() context: TcpContext, @Payload() data?: unknown): void {
    this.#receive(data, context);
  }

  @MessagePattern('silent')
  silent(@Payload() data: unknown, @Ctx() context: TcpContext): Promise<never> {
    this.#receive(data, context);
    return new Promise(() => undefined);
  }

  @MessagePattern('ticking')
  ticking(): Observable<number> {
    return interval(20).pipe(take(25));
  }

  @MessagePattern('picky')
  picky(@Payload() data: unknown, @Ctx() context: TcpContext): Received {
    const { metadata } = this.#receive(data, context);
    if (received.length === 1) throw new RpcException({ status: 401, code: 'key_unknown', error: 'invalid_token' });
    return { pattern: 'picky', data, metadata };
  }

  #receive(data: unknown, context: TcpContext): Received {
    const message = { pattern: context.getPattern(), data, metadata: context.getMetadata() as Received['metadata'] };
    received.push(message);
    arrived.next(message);
    return message;
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const codeWhen = (answers: Observable<unknown>): Promise<unknown> => lastValueFrom(answers).then(() => 'none', codeOf);

describe('a client that relays', () => {
  let endpoint: TokenEndpoint;
  let verifier: TokenVerifier;
  let peer: Awaited<ReturnType<typeof NestFactory.createMicroservice>>;
  let client: ClientTCP;
  let port: number;
  let alice: RelayContext;
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  const relays: TokenRelay[] = [];
  const relayWith = (contract: Partial<DestinationContract> = {}): TokenRelay => {
    const relay = new TokenRelay({
      tokenEndpoint: endpoint.url,
      clientId: 'a',
      clientSecret: 'secret',
      dangerouslyAllowHttp: true,
      timeoutMs: 1_000,
      destinations: { peer: { audience: 'peer', mode: 'exchange', scopes: ['documents:read'], ...contract } },
    });
    relays.push(relay);
    return relay;
  };
  const proxy = (contract?: Partial<DestinationContract>, of: RpcClient = client): RelayClientProxy =>
    new RelayClientProxy(of, 'peer', relayWith(contract));
  const contextOf = async (sub: string): Promise<RelayContext> =>
    relayContextFor(verifier, await endpoint.issuer.token({ sub, jti: `of-${sub}`, aud: 'a' }));
  /** As a call of hers that has to be answered in so many milliseconds. */
  const within = <Result>(ms: number, run: () => Result): Result =>
    runAs(alice, () => {
      const call = currentCall();
      if (call) call.deadline = performance.now() + ms;
      return run();
    });
  const subjectOf = ({ authorization = '' }: Received['metadata']): unknown =>
    (JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: unknown }).sub;

  beforeAll(() => process.on('unhandledRejection', note));
  afterAll(() => void process.off('unhandledRejection', note));
  beforeEach(async () => {
    received.length = 0;
    unhandled.length = 0;
    endpoint = await TokenEndpoint.start();
    verifier = TokenVerifier.create({ issuers: endpoint.issuersFor('a'), now: endpoint.issuer.clock.now });
    @Module({ controllers: [Peer] })
    class PeerModule {}
    peer = await NestFactory.createMicroservice<MicroserviceOptions>(PeerModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    await peer.listen();
    ({ port } = peer.unwrap<Server>().address() as AddressInfo);
    client = new ClientTCP({ host: '127.0.0.1', port });
    alice = await contextOf('alice');
  });
  afterEach(async () => {
    client.close();
    await peer.close();
    await Promise.all(relays.splice(0).map((relay) => relay.onApplicationShutdown()));
    await endpoint.stop();
    expect(unhandled).toEqual([]);
  });

  describe('that can not carry as its contract says', () => {
    /** As the clients of Nest 11 are. */
    const withoutHook = (): RpcClient =>
      Object.assign(new ClientTCP({ host: '127.0.0.1', port }), { setOnDispatchHook: undefined });
    const nats = (): RpcClient => new ClientNats({ servers: ['nats://127.0.0.1:1'] });
    const rmq = (): RpcClient => new ClientRMQ({ urls: ['amqp://127.0.0.1:1'] });

    it.each<[string, () => RpcClient, DestinationContract['transport'], string]>([
      ['no hook', withoutHook, undefined, 'use "envelope"'],
      ['no hook, for Redis', withoutHook, 'redis', 'use "envelope"'],
      ['a server without metadata: NATS', nats, undefined, 'use "nats"'],
      ['a server without metadata: RabbitMQ', rmq, 'tcp', 'use "rmq"'],
      ['no headers of NATS', () => client, 'nats', "needs Nest's ClientNats"],
      ['no headers of RabbitMQ', nats, 'rmq', "needs Nest's ClientRMQ"],
      ['envelopes that nobody opens: NATS', nats, 'envelope', 'no server opens an envelope from ClientNats'],
      ['envelopes that nobody opens: RabbitMQ', rmq, 'envelope', 'no server opens an envelope from ClientRMQ'],
      ['a transport that nobody knows', () => client, 'carrier pigeon' as never, 'must be one of tcp, redis, nats'],
    ])('is refused at once: %s', (_what, make, transport, text) => {
      const made = make();
      expect(() => proxy(transport === undefined ? {} : { transport }, made)).toThrow(TypeError);
      expect(() => proxy(transport === undefined ? {} : { transport }, made)).toThrow(text);
    });

    it('can carry in envelopes, where the server may open them', () => {
      for (const made of [withoutHook(), client]) expect(() => proxy({ transport: 'envelope' }, made)).not.toThrow();
    });
  });

  it('takes patterns that are objects, and data of every kind', async () => {
    const relaying = proxy();
    for (const data of ['text', 0, false, [1, 2], { a: { b: null } }]) {
      const answer = await firstValueFrom(
        runAs(alice, () => relaying.send<Received>({ cmd: 'echo', version: 2 }, data)),
      );
      expect(answer.data).toEqual(data);
      expect(subjectOf(answer.metadata)).toBe('alice');
    }
    expect(() => relaying.send('echo', undefined)).toThrow(TypeError);
    expect(() => relaying.emit(null, {})).toThrow(TypeError);
  });

  it('changes nothing of what it is given', async () => {
    const data = Object.freeze({ a: Object.freeze({ b: 1 }) });
    await firstValueFrom(runAs(alice, () => proxy().send('echo', data)));
    await firstValueFrom(runAs(alice, () => proxy({ transport: 'envelope' }).send('echo', data)));
    expect(data).toEqual({ a: { b: 1 } });
  });

  it('asks once more with a new token, and counts the time of each', async () => {
    await firstValueFrom(runAs(alice, () => proxy().send('picky', {})));
    expect(endpoint.exchanges).toBe(2);
    expect(new Set(received.map(({ metadata }) => metadata.authorization)).size).toBe(2);
  });

  describe('next to hooks of others', () => {
    const seen: string[] = [];
    const hook = (name: string) => (packet: { data?: unknown; metadata?: unknown }) => {
      seen.push(`${name}: ${JSON.stringify(packet.data)} for ${currentPrincipal()?.subject}`);
      packet.metadata = { ...(packet.metadata as object), [name]: 'yes', Authorization: 'Bearer of-another' };
    };
    const echoed = async (relaying: RelayClientProxy): Promise<Received['metadata']> => {
      seen.length = 0;
      const { metadata } = await firstValueFrom(runAs(alice, () => relaying.send<Received>('echo', { n: 1 })));
      return metadata;
    };

    it('calls the one that was there, and the one that comes later; neither speaks for somebody else', async () => {
      client.setOnDispatchHook(hook('before'));
      const relaying = proxy();
      expect(await echoed(relaying)).toMatchObject({ before: 'yes' });
      // One that knows that there is only one place for hooks.
      const { onDispatchHook: there } = client as unknown as { onDispatchHook: ReturnType<typeof hook> };
      client.setOnDispatchHook((packet) => {
        there(packet);
        hook('after')(packet);
      });
      const metadata = await echoed(relaying);
      expect(metadata).toMatchObject({ before: 'yes', after: 'yes' });
      expect(seen).toEqual(['before: {"n":1} for alice', 'after: {"n":1} for alice']);
      expect(subjectOf(metadata)).toBe('alice');
      expect(metadata).not.toHaveProperty('Authorization');
    });

    it('is not put out by one that overwrites what was there', async () => {
      const relaying = proxy();
      client.setOnDispatchHook(hook('after'));
      const metadata = await echoed(relaying);
      expect(metadata).toMatchObject({ after: 'yes' });
      expect(subjectOf(metadata)).toBe('alice');
    });

    it('serves several who relay by one client', async () => {
      const [first, second] = [proxy(), proxy()];
      expect(subjectOf(await echoed(first))).toBe('alice');
      expect(subjectOf(await echoed(second))).toBe('alice');
    });

    it('leaves what the client sends by itself alone, whoever it is connected for', async () => {
      const relaying = proxy();
      const greeted = firstValueFrom(arrived);
      // Sent as soon as there is a connection: in the middle of the call that it is opened for.
      client.status.subscribe((status) => {
        if (String(status) === 'connected')
          client.emit('happened', { greeting: currentPrincipal()?.subject ?? 'nobody' });
      });
      const own = runAs(alice, () => relaying.send<Received>('echo', {})).pipe(
        concatMap((answer) => client.send<Received>('echo', {}).pipe(concatMap((raw) => of([answer, raw])))),
      );
      const [relayed, raw] = await firstValueFrom(own);
      expect(subjectOf(relayed?.metadata ?? {})).toBe('alice');
      expect(raw).not.toHaveProperty('metadata');
      expect(await greeted).toEqual({ pattern: 'happened', data: { greeting: 'nobody' }, metadata: undefined });
    });
  });

  it('gives each answer in the context of who waits for it', async () => {
    const relaying = proxy();
    const bob = await contextOf('bob');
    const subjects = await Promise.all(
      [alice, bob, alice].map((context) =>
        runAs(context, () =>
          firstValueFrom(relaying.send('echo', {}).pipe(concatMap(() => of(currentPrincipal()?.subject)))),
        ),
      ),
    );
    expect(subjects).toEqual(['alice', 'bob', 'alice']);
    // Nobody's: neither hers who sends, nor hers for whom the connection was opened.
    const outside = runAs(alice, () => relaying.send('echo', {})).pipe(concatMap(() => of(currentPrincipal() ?? null)));
    expect(await firstValueFrom(outside)).toBeNull();
  });

  describe('with an event', () => {
    it('sends it although nobody subscribes, and once however many do', async () => {
      const relaying = proxy();
      const first = firstValueFrom(arrived);
      const sent = runAs(alice, () => relaying.emit('happened', { n: 1 }));
      expect(subjectOf((await first).metadata)).toBe('alice');
      // Also who comes late hears that it is done.
      expect(await Promise.all([lastValueFrom(sent), lastValueFrom(sent)])).toEqual([undefined, undefined]);
      await firstValueFrom(runAs(alice, () => relaying.send('echo', {})));
      expect(received.map(({ pattern }) => pattern)).toEqual(['happened', 'echo']);
    });

    it('says nothing of the time that its sender has', async () => {
      const first = firstValueFrom(arrived);
      within(500, () => proxy().emit('happened', {}));
      expect((await first).metadata).not.toHaveProperty('x-request-timeout-ms');
      expect(Object.keys((await first).metadata)).toEqual(
        expect.arrayContaining(['authorization', 'x-transaction-id', 'traceparent']),
      );
    });

    it('sends it when its own call has no time left, for it tells what has happened', async () => {
      const first = firstValueFrom(arrived);
      within(-1, () => proxy().emit('happened', {}));
      expect(subjectOf((await first).metadata)).toBe('alice');
    });

    it('tells who asks why it was not sent, and troubles nobody else', async () => {
      await peer.close();
      runAs(alice, () => proxy().emit('happened', {}));
      expect(await codeWhen(runAs(alice, () => proxy().emit('happened', {})))).toBe('upstream_unreachable');
      expect(await codeWhen(proxy().emit('happened', {}))).toBe('token_missing');
    });
  });

  describe('for a caller who waits only so long', () => {
    it('tells the destination how long that is, at most what its contract allows', async () => {
      const waits = async (ms: number, timeoutMs = 1_000): Promise<number> => {
        const answers = within(ms, () => proxy({ timeoutMs }).send<Received>('echo', {}));
        return Number((await firstValueFrom(answers)).metadata['x-request-timeout-ms']);
      };
      const remaining = await waits(600);
      expect(remaining).toBeLessThanOrEqual(600);
      expect(remaining).toBeGreaterThan(100);
      expect(await waits(60_000, 2_000)).toBe(1_900);
    });

    it('tells it what is left when somebody subscribes, not when it was sent', async () => {
      const answers = within(900, () => proxy().send<Received>('echo', {}));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { metadata } = await firstValueFrom(answers);
      expect(Number(metadata['x-request-timeout-ms'])).toBeLessThanOrEqual(610);
    });

    it('ends when that is over, before the contract’s time and after it', async () => {
      const begun = performance.now();
      expect(await codeWhen(within(100, () => proxy().send('silent', {})))).toBe('deadline_exceeded');
      expect(performance.now() - begun).toBeLessThan(900);
      expect(await codeWhen(within(900, () => proxy({ timeoutMs: 100 }).send('silent', {})))).toBe('upstream_timeout');
      expect(received).toHaveLength(2);
    });

    it('ends answers that come one by one, each in time', async () => {
      const answers = within(200, () => proxy({ timeoutMs: 150 }).send<number>('ticking', {}));
      expect(await codeWhen(answers.pipe(toArray()))).toBe('deadline_exceeded');
    });

    it('sends nothing when it is over already, however late that turns out', async () => {
      expect(await codeWhen(within(0, () => proxy().send('echo', {})))).toBe('deadline_exceeded');
      const late = within(30, () => proxy().send('echo', {}));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await codeWhen(late)).toBe('deadline_exceeded');
      expect(received).toEqual([]);
      // Nobody subscribes, nobody is troubled.
      within(0, () => proxy().send('echo', {}));
    });
  });

  it('waits no longer when nobody does', async () => {
    const { routingMap } = client as unknown as { routingMap: Map<string, unknown> };
    const waiting = firstValueFrom(arrived);
    const subscription = runAs(alice, () => proxy().send('silent', {})).subscribe();
    await waiting;
    expect(routingMap.size).toBe(1);
    subscription.unsubscribe();
    expect(routingMap.size).toBe(0);
  });

  it('fails at once, and says so, when its destination goes away or is not there', async () => {
    const relaying = proxy();
    const waiting = firstValueFrom(arrived);
    const answer = codeWhen(runAs(alice, () => relaying.send('silent', {})));
    await waiting;
    await peer.close();
    expect(await answer).toBe('upstream_unreachable');
    expect(await codeWhen(runAs(alice, () => relaying.send('echo', {})))).toBe('upstream_unreachable');
  });

  it('sends what is on its way before it is no more', async () => {
    const relaying = proxy();
    runAs(alice, () => relaying.emit('happened', { n: 1 }));
    const first = firstValueFrom(arrived);
    await relaying.onApplicationShutdown();
    expect((await first).data).toEqual({ n: 1 });
  });

  it('is no more when its app has shut down: no connection is left, and none is opened', async () => {
    const sockets: unknown[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = new ClientTCP({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    const relaying = proxy({}, own);
    const answer = codeWhen(runAs(alice, () => relaying.send('echo', {})));
    const [socket] = (await once(server, 'connection')) as [Socket];
    const closed = once(socket.resume(), 'close');
    await relaying.onApplicationShutdown();
    await closed;
    expect(await answer).toBe('upstream_unreachable');
    expect(await codeWhen(runAs(alice, () => relaying.send('echo', {})))).toBe('upstream_unreachable');
    expect(await codeWhen(runAs(alice, () => relaying.emit('echo', {})))).toBe('upstream_unreachable');
    expect(sockets).toHaveLength(1);
    await once(server.close(), 'close');
  });
});
