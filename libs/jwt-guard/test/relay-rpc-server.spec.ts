import { Controller, Module, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientTCP,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { TestIssuer } from '@token-relay/testing';
import { type AddressInfo, type Server } from 'node:net';
import { firstValueFrom, type Observable, of, delay, map } from 'rxjs';
import { currentPrincipal, currentRelayContext, JwtGuardModule, type JwtGuardOptions, Public } from '../src';
import { PlainClient, PlainServer } from './transports/plain-transport';

const events: string[] = [];

@Controller()
class Handlers {
  @MessagePattern('closed')
  closed(@Payload() data: unknown) {
    return { data, subject: currentPrincipal()?.subject, transactionId: currentRelayContext()?.transactionId };
  }

  @Public('it is for everybody')
  @MessagePattern('open')
  open(@Payload() data: unknown) {
    return { data, subject: currentPrincipal()?.subject ?? null };
  }

  @MessagePattern('stream')
  stream(): Observable<unknown> {
    return of(1).pipe(
      delay(1),
      map(() => ({ subject: currentPrincipal()?.subject })),
    );
  }

  @EventPattern('happened')
  first(@Payload() data: unknown): void {
    events.push(`first: ${JSON.stringify(data)} for ${currentPrincipal()?.subject}`);
  }
}

@Controller({ scope: Scope.REQUEST })
class RequestScoped {
  @EventPattern('happened')
  second(@Payload() data: unknown): void {
    events.push(`second: ${JSON.stringify(data)} for ${currentPrincipal()?.subject}`);
  }

  @MessagePattern('scoped')
  scoped(@Payload() data: unknown) {
    return { data, subject: currentPrincipal()?.subject };
  }
}

@Controller()
class Third {
  @EventPattern('happened')
  third(@Payload() data: unknown): void {
    events.push(`third: ${JSON.stringify(data)} for ${currentPrincipal()?.subject}`);
  }
}

type Kind = 'plain' | 'plain, without hooks' | 'TCP';

describe('a server', () => {
  let issuer: TestIssuer;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => (issuer = await TestIssuer.create()));
  beforeEach(() => void (events.length = 0));
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(kind: Kind, options: Partial<JwtGuardOptions> = {}) {
    const issuers = [
      { issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256' as const], jwks: issuer.jwks },
    ];
    @Module({
      imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now, ...options })],
      controllers: [Handlers, RequestScoped, Third],
    })
    class TestModule {}
    const strategy = new PlainServer({ callsHooks: kind === 'plain' });
    const tcp = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;
    const server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
      ...(kind === 'TCP' ? tcp : { strategy }),
      logger: false,
      abortOnError: false,
    });
    ends.push(() => server.close());
    await server.listen();
    const port = () => (server.unwrap<Server>().address() as AddressInfo).port;
    const client: ClientProxy = (
      kind === 'TCP' ? new ClientTCP({ host: '127.0.0.1', port: port() }) : new PlainClient(port)
    ) as ClientProxy;
    ends.push(() => client.close() as unknown);
    const send = (pattern: string, data: unknown): Promise<unknown> =>
      firstValueFrom(client.send<unknown>(pattern, data)).catch((error: unknown) => error);
    return { client, send };
  }
  const enveloped = async (sub: string, data: unknown, more: object = {}) => ({
    'token-relay': { metadata: { authorization: `Bearer ${await issuer.token({ sub })}`, ...more } },
    data,
  });
  const missing = expect.objectContaining({ status: 401, code: 'token_missing' }) as unknown;

  describe.each<[Kind]>([['plain'], ['plain, without hooks']])('that is told of envelopes: %s', (kind) => {
    it('knows by them who calls, and gives handlers the data alone', async () => {
      const { send } = await start(kind, { rpcEnvelopes: true });
      const envelope = await enveloped('alice', { n: 1 }, { 'x-transaction-id': 'transaction-1' });
      expect(await send('closed', envelope)).toEqual({
        data: { n: 1 },
        subject: 'alice',
        transactionId: 'transaction-1',
      });
      expect(await send('open', envelope)).toEqual({ data: { n: 1 }, subject: null });
      expect(await send('stream', envelope)).toEqual({ subject: 'alice' });
      expect(await send('scoped', envelope)).toEqual({ data: { n: 1 }, subject: 'alice' });
    });

    it('knows it in every handler of an event', async () => {
      const { client, send } = await start(kind, { rpcEnvelopes: true });
      await firstValueFrom(client.emit('happened', await enveloped('alice', { n: 1 })));
      await send('open', {});
      for (let i = 0; events.length < 3 && i < 100; i++) await send('open', {});
      const expected = ['first', 'second', 'third'].map((name) => `${name}: {"n":1} for alice`);
      expect(events.toSorted()).toEqual(expected);
    });

    it('opens one envelope, and none that is in it', async () => {
      const { send } = await start(kind, { rpcEnvelopes: true });
      const inner = await enveloped('mallory', { n: 1 });
      expect(await send('closed', await enveloped('alice', inner))).toMatchObject({ data: inner, subject: 'alice' });
    });

    it('takes for data what is not exactly an envelope', async () => {
      const { send } = await start(kind, { rpcEnvelopes: true });
      const envelope = await enveloped('alice', {});
      const others = [
        {},
        'text',
        [envelope],
        { ...envelope, more: 1 },
        { 'token-relay': envelope['token-relay'] },
        { 'token-relay': { ...envelope['token-relay'], more: 1 }, data: {} },
        { 'token-relay': { metadata: ['authorization'] }, data: {} },
        { 'token-relay': null, data: {} },
      ];
      for (const data of others) {
        expect(await send('closed', data)).toEqual(missing);
        expect(await send('open', data)).toEqual({ data, subject: null });
      }
    });

    it('refuses two tokens in one', async () => {
      const { send } = await start(kind, { rpcEnvelopes: true });
      const envelope = await enveloped('alice', {}, { Authorization: `Bearer ${await issuer.token()}` });
      expect(await send('closed', envelope)).toMatchObject({ status: 400, code: 'authorization_repeated' });
    });
  });

  it.each<[string, Kind, boolean]>([
    ['that is told of none', 'plain', false],
    ['that is told of none, and calls no hooks', 'plain, without hooks', false],
    ['whose transport has metadata, told or not', 'TCP', true],
    ['whose transport has metadata', 'TCP', false],
  ])('believes no envelope: %s', async (_what, kind, rpcEnvelopes) => {
    const { send } = await start(kind, { rpcEnvelopes });
    const envelope = await enveloped('alice', { n: 1 });
    expect(await send('closed', envelope)).toEqual(missing);
    expect(await send('open', envelope)).toEqual({ data: envelope, subject: null });
  });

  it('knows who calls by the metadata of its transport, whatever the data look like', async () => {
    const { client, send } = await start('TCP', { rpcEnvelopes: true });
    const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`;
    client.setOnDispatchHook((packet) => (packet.metadata = { authorization }));
    const envelope = await enveloped('mallory', { n: 1 });
    expect(await send('closed', envelope)).toMatchObject({ data: envelope, subject: 'alice' });
  });

  it.each<[Kind]>([['plain'], ['TCP']])(
    'refuses metadata of more than 16 KiB, and reads none of it: %s',
    async (kind) => {
      const { client, send } = await start(kind, { rpcEnvelopes: true });
      const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`;
      const sendWith = (bytes: number): Promise<unknown> => {
        const metadata = { authorization, 'x-more': '' };
        const used = Object.entries(metadata).join('').replace(/,/g, '').length;
        metadata['x-more'] = 'a'.repeat(bytes - used);
        if (kind !== 'TCP') return send('closed', { 'token-relay': { metadata }, data: {} });
        client.setOnDispatchHook((packet) => (packet.metadata = metadata));
        return send('closed', {});
      };
      expect(await sendWith(16 * 1024)).toMatchObject({ subject: 'alice' });
      expect(await sendWith(16 * 1024 + 1)).toMatchObject({ status: 400, code: 'context_malformed' });
    },
  );

  it.each([
    ['rpcMetadata', { rpcMetadata: ['authorization'] as never }],
    ['rpcMetadata', { rpcMetadata: {} as never }],
    ['rpcEnvelopes', { rpcEnvelopes: 'yes' as never }],
  ])('is not started with a wrong option: %s', async (name, options) => {
    await expect(start('plain', options)).rejects.toThrow(name);
  });
});
