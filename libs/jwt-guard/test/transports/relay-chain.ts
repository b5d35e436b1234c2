import {
  Controller,
  Get,
  Inject,
  Injectable,
  type INestApplicationContext,
  Module,
  type OnApplicationShutdown,
  Query,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
} from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatMap, firstValueFrom, from, lastValueFrom, map, type Observable, timer, toArray } from 'rxjs';
import { Pool } from 'undici';
import {
  currentPrincipal,
  currentRelayContext,
  type DestinationContract,
  JwtGuardModule,
  type JwtGuardOptions,
  Public,
  RelayClientProxy,
  type RelayContext,
  RelayModule,
  RequireActor,
  runAs,
  TokenRelay,
} from '../../src';
import { TokenEndpoint } from './token-endpoint';

/** The messages of three services, `a` → `b` → `c`, on one transport. */
export interface ChainTransport {
  readonly name: string;
  readonly contract: Required<Pick<DestinationContract, 'transport'>>;
  /** What the services are told of it. */
  readonly guard?: Partial<JwtGuardOptions>;
  start(): Promise<ChainNetwork>;
  /** How many calls are interleaved. Default: 10,000. */
  readonly interleaved?: number;
}
export interface ChainNetwork {
  options(service: Service): MicroserviceOptions;
  /** A client of a service that listens. */
  client(service: Service): ClientProxy;
  stop(): Promise<void>;
}
export type Service = 'b' | 'c';

/** What one service knows of a call. */
interface Hop {
  readonly service: string;
  readonly id: string;
  readonly subject: string | null;
  readonly tokenId: string | null;
  readonly transactionId: string | null;
  readonly actors: readonly string[];
}

/** A provider that nobody has told for whom it works. */
@Injectable()
class Witness {
  async seen(service: string, id: string): Promise<Hop> {
    await sleep(Math.random() * 3);
    await Promise.resolve();
    return this.seenNow(service, id);
  }

  seenNow(service: string, id: string): Hop {
    const principal = currentPrincipal();
    return {
      service,
      id,
      subject: principal?.subject ?? null,
      tokenId: principal?.tokenId ?? null,
      transactionId: currentRelayContext()?.transactionId ?? null,
      actors: principal?.actor ?? [],
    };
  }
}

/** A queue of the process: who works it off was there before every call. */
@Injectable()
class JobQueue implements OnApplicationShutdown {
  readonly #jobs: { readonly context: RelayContext; readonly run: () => void }[] = [];
  readonly #timer = setInterval(() => {
    for (const { context, run } of this.#jobs.splice(0)) runAs(context, run);
  }, 1);

  push(context: RelayContext | undefined, run: () => void): void {
    if (context) this.#jobs.push({ context, run });
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }
}

interface Call {
  readonly id: string;
}

@Controller()
class Edge {
  constructor(
    private readonly witness: Witness,
    @Inject(RelayClientProxy) private readonly b: RelayClientProxy,
  ) {}

  @Get('call')
  async call(@Query('id') id: string, @Query('pattern') pattern: string): Promise<Hop[]> {
    const first = await this.witness.seen('a', id);
    const others = await lastValueFrom(this.b.send<Hop[]>(pattern, { id }));
    return [first, ...others];
  }

  /** Whatever comes of an answer of `b` runs as whoever asks, and not as whom the connection was opened for. */
  @Get('twice')
  async twice(@Query('id') id: string): Promise<Hop[][]> {
    const answers = this.b.send<Hop[]>('b.call', { id }).pipe(
      concatMap(async (first) => {
        const between = await this.witness.seen('a', id);
        const second = await firstValueFrom(this.b.send<Hop[]>('b.call', { id }));
        return [[between, ...first], second];
      }),
    );
    return firstValueFrom(answers);
  }

  @Get('event')
  async event(@Query('id') id: string): Promise<object> {
    await firstValueFrom(this.b.emit('b.happened', { id }));
    return {};
  }
}

@Controller()
class Middle {
  constructor(
    private readonly witness: Witness,
    private readonly queue: JobQueue,
    @Inject(RelayClientProxy) private readonly c: RelayClientProxy,
  ) {}

  @RequireActor('a')
  @MessagePattern('b.call')
  async call(@Payload() { id }: Call): Promise<Hop[]> {
    const own = await this.witness.seen('b', id);
    return [own, ...(await firstValueFrom(this.c.send<Hop[]>('c.call', { id })))];
  }

  /** Nest subscribes when the handler has returned; the values come from timers. */
  @MessagePattern('b.stream')
  stream(@Payload() { id }: Call): Observable<Hop[]> {
    return timer(1, 1).pipe(
      (ticks) => from(firstValueFrom(ticks)),
      concatMap(() => this.c.send<Hop[]>('c.stream', { id })),
      toArray(),
      map((others) => [this.witness.seenNow('b', id), ...others.flat()]),
    );
  }

  @MessagePattern('b.job')
  job(@Payload() { id }: Call): Promise<Hop[]> {
    return new Promise((resolve, reject) => {
      this.queue.push(currentRelayContext(), () => void this.call({ id }).then(resolve, reject));
    });
  }

  @EventPattern('b.happened')
  async happened(@Payload() { id }: Call): Promise<void> {
    const own = await this.witness.seen('b', id);
    this.c.emit('c.happened', { id, own });
  }

  @MessagePattern('b.forbidden')
  forbidden(@Payload() { id }: Call): Observable<unknown> {
    return this.c.send('c.forbidden', { id });
  }
}

const happened = new Map<string, Hop[]>();
let heard = (): void => undefined;

@Controller()
class Last {
  constructor(private readonly witness: Witness) {}

  @RequireActor('b')
  @MessagePattern('c.call')
  async call(@Payload() { id }: Call): Promise<Hop[]> {
    return [await this.witness.seen('c', id)];
  }

  @MessagePattern('c.stream')
  stream(@Payload() { id }: Call): Observable<Hop[]> {
    return timer(0, 1).pipe(
      concatMap(async () => [await this.witness.seen('c', id)]),
      (hops) => from(firstValueFrom(hops)),
    );
  }

  /** Nobody has asked for whom it is. */
  @Public('events that anybody may send')
  @MessagePattern('c.open')
  open(@Payload() data: unknown): unknown {
    return { data, principal: currentPrincipal()?.subject ?? null };
  }

  @RequireActor('somebody-else')
  @MessagePattern('c.forbidden')
  forbidden(): void {}

  @EventPattern('c.happened')
  async happened(@Payload() { id, own }: Call & { own: Hop }): Promise<void> {
    happened.set(id, [own, await this.witness.seen('c', id)]);
    heard();
  }
}

/** What holds of a relay on every transport: whoever calls, is known all along the chain, and nobody is mixed up. */
export function describeChain(transport: ChainTransport): void {
  describe(`a chain of services over ${transport.name}`, () => {
    let endpoint: TokenEndpoint;
    let network: ChainNetwork;
    const apps: INestApplicationContext[] = [];
    let pool: Pool;

    function moduleOf(name: string, controllers: Type[], client?: { next: Service; proxy: ClientProxy }): Type {
      const relay =
        client &&
        RelayModule.forRoot({
          tokenEndpoint: endpoint.url,
          dangerouslyAllowHttp: true,
          clientId: name,
          clientSecret: 'secret',
          destinations: {
            [client.next]: {
              audience: client.next,
              mode: 'exchange',
              scopes: ['documents:read'],
              ...transport.contract,
            },
          },
        });
      const proxy = client && {
        provide: RelayClientProxy,
        inject: [TokenRelay],
        useFactory: (tokens: TokenRelay) => new RelayClientProxy(client.proxy, client.next, tokens),
      };
      @Module({
        imports: [
          JwtGuardModule.forRoot({
            issuers: endpoint.issuersFor(name),
            now: endpoint.issuer.clock.now,
            contextHints: 'accept',
            ...transport.guard,
          }),
          ...(relay ? [relay] : []),
        ],
        controllers,
        providers: [Witness, JobQueue, ...(proxy ? [proxy] : [])],
      })
      class ServiceModule {}
      return ServiceModule;
    }

    async function serve(service: Service, module: Type): Promise<void> {
      const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
        ...network.options(service),
        logger: false,
      });
      apps.push(app);
      await app.listen();
    }

    beforeAll(async () => {
      endpoint = await TokenEndpoint.start();
      network = await transport.start();
      await serve('c', moduleOf('c', [Last]));
      await serve('b', moduleOf('b', [Middle], { next: 'c', proxy: network.client('c') }));
      const edge = moduleOf('a', [Edge], { next: 'b', proxy: network.client('b') });
      const app = await NestFactory.create<NestFastifyApplication>(edge, new FastifyAdapter(), { logger: false });
      apps.push(app);
      await app.listen(0, '127.0.0.1');
      pool = new Pool(await app.getUrl(), { connections: 64 });
    }, 90_000);
    afterAll(async () => {
      await pool.close();
      for (const app of apps.reverse()) await app.close();
      await network.stop();
      await endpoint.stop();
    });

    interface User {
      readonly sub: string;
      readonly jti: string;
      readonly token: string;
    }
    const user = async (i: number): Promise<User> => {
      const claims = { sub: `user-${i}`, jti: `token-${i}` };
      return { ...claims, token: await endpoint.issuer.token({ ...claims, aud: 'a' }) };
    };
    const get = async (path: string, { token }: User, id: string) => {
      const { statusCode, body } = await pool.request({
        method: 'GET',
        path: `/${path}id=${id}`,
        headers: { authorization: `Bearer ${token}`, 'x-transaction-id': `transaction-${id}` },
      });
      return { status: statusCode, body: await body.json() };
    };
    const hop = (service: 'a' | 'b' | 'c', { sub, jti }: User, id: string): Hop => ({
      service,
      id,
      subject: sub,
      tokenId: { a: jti, b: `${jti}>b`, c: `${jti}>b>c` }[service],
      transactionId: `transaction-${id}`,
      actors: { a: [], b: ['a'], c: ['b', 'a'] }[service],
    });
    const hops = (of: User, id: string): Hop[] => [hop('a', of, id), hop('b', of, id), hop('c', of, id)];

    it.each(['b.call', 'b.stream', 'b.job'])('knows who calls, on each of them: %s', async (pattern) => {
      const alice = await user(1);
      expect(await get(`call?pattern=${pattern}&`, alice, `one-${pattern}`)).toEqual({
        status: 200,
        body: hops(alice, `one-${pattern}`),
      });
    });

    it('goes on as whoever asked when an answer is there', async () => {
      const users = await Promise.all([user(1), user(2), user(3)]);
      const answers = await Promise.all(users.map((of, i) => get('twice?', of, `twice-${i}`)));
      expect(answers.map(({ body }) => body)).toEqual(
        users.map((of, i) => [hops(of, `twice-${i}`), hops(of, `twice-${i}`).slice(1)]),
      );
    });

    it('tells the first service what the last one refuses', async () => {
      const { status, body } = await get('call?pattern=b.forbidden&', await user(1), 'forbidden');
      expect({ status, body }).toMatchObject({ status: 403, body: { code: 'actor_not_allowed' } });
    });

    it('sends events on behalf of their caller', async () => {
      const alice = await user(1);
      const arrived = new Promise<void>((resolve) => (heard = resolve));
      expect((await get('event?', alice, 'an-event')).status).toBe(200);
      await arrived;
      expect(happened.get('an-event')).toEqual(hops(alice, 'an-event').slice(1));
    });

    const { interleaved = 10_000 } = transport;
    it(`never mixes ${interleaved} interleaved calls of 400 users, and the events among them`, async () => {
      const users = await Promise.all(Array.from({ length: 400 }, (_, i) => user(i)));
      const calls = Array.from({ length: interleaved }, (_, i) => ({
        of: users[i % users.length] as User,
        id: `call-${i}`,
        path: (['call?pattern=b.call&', 'call?pattern=b.stream&', 'call?pattern=b.job&', 'event?'] as const)[i % 4],
      }));
      const expected = calls.map(({ of, id, path }) => (path === 'event?' ? {} : hops(of, id)));
      const events = calls.filter(({ path }) => path === 'event?');
      happened.clear();
      endpoint.exchanges = 0;
      const arrived = new Promise<void>((resolve) => {
        heard = () => {
          if (happened.size === events.length) resolve();
        };
      });
      for (let start = 0; start < calls.length; start += 500) {
        const batch = calls.slice(start, start + 500);
        const answers = await Promise.all(batch.map(({ path, of, id }) => get(path ?? '', of, id)));
        expect(answers.map(({ body }) => body)).toEqual(expected.slice(start, start + 500));
      }
      await arrived;
      expect(events.map(({ id }) => happened.get(id))).toEqual(events.map(({ of, id }) => hops(of, id).slice(1)));
      // Each user's token once for each of the two audiences.
      expect(endpoint.exchanges).toBe(2 * users.length);
    }, 180_000);
  });
}
