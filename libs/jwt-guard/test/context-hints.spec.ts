import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { AsyncLocalStorage } from 'node:async_hooks';
import { request } from 'node:http';
import { type AddressInfo, type Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { JwtGuardModule, type JwtGuardOptions, Public, requireToken } from '../src';
import { acceptedHints, newTraceparent, ownHints } from '../src/nest/context-hints';
import { currentCall } from '../src/relay/relay-context';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const LONGEST_LOCALE = 'abcdefgh-abcdefgh-12345678-abcdefgh-ABCDEFGH';

/** Each hint, with what is just in it and just out of it. */
const HINTS: readonly {
  readonly name: string;
  readonly good: readonly string[];
  readonly bad: readonly (readonly [what: string, value: string])[];
}[] = [
  {
    name: 'x-transaction-id',
    good: ['a'.repeat(8), 'a'.repeat(64), 'AZaz09._-', '97053963-771d-49cc-a4e3-20aad399c312'],
    bad: [
      ['of 7 letters', 'a'.repeat(7)],
      ['of 65 letters', 'a'.repeat(65)],
      ['with a space', 'a transaction'],
      ['with a slash', '../../etc/passwd'],
      ['with a comma', 'transaction-1,transaction-2'],
      ['with markup', '<script>alert(1)</script>'],
      ['that is empty', ''],
    ],
  },
  {
    name: 'traceparent',
    good: [TRACE, TRACE.replace(/^00/, '01'), TRACE.replace(/01$/, 'ff')],
    bad: [
      ['a letter shorter', TRACE.slice(0, -1)],
      ['a letter longer', `${TRACE}0`],
      ['with a fifth part', `${TRACE}-00`],
      ['of the version that there never is', TRACE.replace(/^00/, 'ff')],
      ['in capitals', TRACE.toUpperCase()],
      ['with a trace that is zero', TRACE.replace(/-4[^-]*/, `-${'0'.repeat(32)}`)],
      ['with a parent that is zero', TRACE.replace(/-00f[^-]*/, `-${'0'.repeat(16)}`)],
      ['with a letter that is no digit', TRACE.replace('4bf', '4bg')],
      ['that is empty', ''],
    ],
  },
  {
    name: 'x-locale',
    good: ['de', 'de-CH', 'zh-Hant-TW', LONGEST_LOCALE],
    bad: [
      ['of one letter', 'd'],
      ['of one part too many', `${LONGEST_LOCALE}-a`],
      ['with a part of 9 letters', 'de-abcdefghi'],
      ['of 9 letters', 'abcdefghi'],
      ['with an underscore', 'de_CH'],
      ['that is a list', 'de,en'],
      ['that is any', '*'],
      ['that is a path', '../de'],
      ['that is empty', ''],
    ],
  },
  {
    name: 'x-request-timeout-ms',
    good: ['1', '9999999'],
    bad: [
      ['of zero', '0'],
      ['of 8 digits', '10000000'],
      ['below zero', '-1'],
      ['with a fraction', '1.5'],
      ['with an exponent', '1e3'],
      ['in hex', '0x10'],
      ['with a zero before', '01'],
      ['with its unit', '100ms'],
      ['that is empty', ''],
    ],
  },
];

const of = (headers: Readonly<Record<string, readonly string[]>>) => acceptedHints((name) => headers[name] ?? []);

describe.each(HINTS)('the hint $name', ({ name, good, bad }) => {
  it.each(good)('may be %s', (value) => {
    const hints = of({ [name]: [value] });
    expect(hints).not.toHaveProperty('malformed');
    if (name !== 'x-request-timeout-ms') expect(Object.values(hints)).toContain(value);
  });

  it.each(bad)('%s is malformed, and taken for nothing', (_what, value) => {
    const hints = of({ [name]: [value] });
    expect(hints.malformed).toBe(name);
    expect(Object.values(hints)).not.toContain(value);
  });

  it('twice is malformed, and be it the same', () => {
    const [value = ''] = good;
    expect(of({ [name]: [value, value] }).malformed).toBe(name);
    expect(of({ [name]: [value, ''] }).malformed).toBe(name);
  });
});

describe('accepted hints', () => {
  it('are made up where there are none', () => {
    const hints = of({});
    expect(hints).toEqual({
      transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      traceparent: undefined,
      locale: undefined,
      deadline: undefined,
    });
    expect(of({}).transactionId).not.toBe(hints.transactionId);
  });

  it('hold a deadline by the clock here', () => {
    const before = performance.now();
    const { deadline = 0 } = of({ 'x-request-timeout-ms': ['1500'] });
    expect(deadline).toBeGreaterThanOrEqual(before + 1500);
    expect(deadline).toBeLessThanOrEqual(performance.now() + 1500);
  });
});

describe('hints of our own', () => {
  it.each([
    ['de-CH,de;q=0.9', 'de-CH'],
    [' de ;q=0.9', 'de'],
    ['*', undefined],
    ['', undefined],
    [undefined, undefined],
    ['de_CH', undefined],
    ['a'.repeat(9), undefined],
  ])('take the language that a client asks for: of %p it is %p', (acceptLanguage, locale) => {
    expect(ownHints(acceptLanguage)).toMatchObject({ locale, traceparent: undefined, deadline: undefined });
  });
});

describe('a trace that begins here', () => {
  it('is named by the transaction where that can name one', () => {
    expect(newTraceparent('97053963-771d-49cc-a4e3-20aad399c312')).toBe(
      '00-97053963771d49cca4e320aad399c312-970520aad399c312-00',
    );
  });

  it.each([
    'transaction-1',
    '97053963-771D-49CC-A4E3-20AAD399C312',
    '0'.repeat(32),
    '00000000-0000-0000-0000-000000000000',
    // Its own parent would be of zeros.
    '00003963-771d-49cc-a4e3-000000000000',
    '97053963771d49cca4e320aad399c312',
    `97053963-771d-49cc-a4e3-20aad399c312\n`,
  ])('is named otherwise, and well, for %s', (id) => {
    const traceparent = newTraceparent(id);
    expect(of({ traceparent: [traceparent] })).toMatchObject({ traceparent });
    expect(traceparent).not.toContain(id);
  });
});

/** What a handler knows of its call. */
function seen(): object {
  const call = currentCall();
  return {
    transactionId: call?.transactionId,
    traceparent: call?.hints.traceparent,
    passedOn: call?.traceparent,
    locale: call?.hints.locale,
    hasDeadline: call?.deadline !== undefined,
  };
}

@Controller()
class TestController {
  static events: object[] = [];

  @Get('guarded')
  guarded() {
    return seen();
  }

  @Public('it is for everybody')
  @Get('open')
  open() {
    return seen();
  }

  @MessagePattern('guarded')
  message() {
    return seen();
  }

  @Public('it is for everybody')
  @MessagePattern('open')
  openMessage() {
    return seen();
  }

  @EventPattern('event')
  event(data: object) {
    TestController.events.push({ ...data, ...seen() });
  }
}

type Values = Readonly<Record<string, string | readonly string[]>>;
type Call = (handler: string, values: Values) => Promise<object>;

let issuer: TestIssuer;
let token: string;
let app: { close(): Promise<unknown> } | undefined;
beforeAll(async () => {
  issuer = await TestIssuer.create();
  token = await issuer.token();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const optionsWith = (contextHints: 'accept' | 'replace'): JwtGuardOptions => ({
  issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
  now: issuer.clock.now,
  contextHints,
});

async function startHttp(framework: 'express' | 'fastify', contextHints: 'accept' | 'replace'): Promise<Call> {
  @Module({ imports: [JwtGuardModule.forRoot(optionsWith(contextHints))], controllers: [TestController] })
  class TestModule {}
  const adapter = framework === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const started: INestApplication = await NestFactory.create(TestModule, adapter, { logger: false });
  app = started;
  const raw = started.getHttpAdapter().getInstance() as {
    get(path: string, ...steps: unknown[]): void;
    route(route: object): void;
  };
  const answer = (_request: object, reply: { send(body: unknown): void }): void => reply.send(seen());
  if (framework === 'express') raw.get('/raw', requireToken(), answer);
  else raw.route({ method: 'GET', url: '/raw', onRequest: requireToken(), handler: answer });
  await started.listen(0, '127.0.0.1');
  const { port } = (started.getHttpServer() as Server).address() as AddressInfo;
  return (handler, values) => {
    const headers = Object.entries({ host: 'resource.test', authorization: `Bearer ${token}`, ...values }).flatMap(
      ([name, all]) => [all].flat().flatMap((value) => [name, value]),
    );
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: `/${handler}`, headers, agent: false }, (received) => {
        let text = '';
        received.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        received.on('end', () => resolve(JSON.parse(text) as object));
      });
      sent.on('error', reject).end();
    });
  };
}

async function startTcp(): Promise<Call & { emit(values: Values): Promise<unknown> }> {
  @Module({ imports: [JwtGuardModule.forRoot(optionsWith('replace'))], controllers: [TestController] })
  class TestModule {}
  const options = { host: '127.0.0.1', port: 0 };
  const server = await NestFactory.createMicroservice(TestModule, { transport: Transport.TCP, options, logger: false });
  await server.listen();
  const { port } = server.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  const sending = new AsyncLocalStorage<Readonly<Record<string, string>>>();
  client.setOnDispatchHook((packet) => {
    packet.metadata = sending.getStore() ?? {};
  });
  app = {
    async close() {
      client.close();
      await server.close();
    },
  };
  const within = <Result>(values: Values, run: () => Promise<Result>): Promise<Result> => {
    // Two of one name can be told apart by their spelling alone.
    const metadata = Object.entries({ authorization: `Bearer ${token}`, ...values }).flatMap(([name, all]) =>
      [all].flat().map((value, i) => [i === 0 ? name : name.toUpperCase(), value] as const),
    );
    return sending.run(Object.fromEntries(metadata), run);
  };
  const call: Call = (handler, values) =>
    within(values, () =>
      firstValueFrom<object>(client.send(handler, {})).catch((error: unknown) => {
        if (error instanceof Error) throw error;
        return error as object;
      }),
    );
  const emit = (values: Values) =>
    within(values, () => firstValueFrom(client.emit('event', {}), { defaultValue: null }));
  return Object.assign(call, { emit });
}

const ALL = {
  'x-transaction-id': 'transaction-1',
  traceparent: TRACE,
  'x-locale': 'de-CH',
  'x-request-timeout-ms': '60000',
};
const SEEN = {
  transactionId: 'transaction-1',
  traceparent: TRACE,
  passedOn: TRACE,
  locale: 'de-CH',
  hasDeadline: true,
};
const refused = expect.objectContaining({ status: 400, code: 'context_malformed' }) as unknown;

describe.each([
  ['Express', () => startHttp('express', 'accept'), ['guarded', 'raw']],
  ['Fastify', () => startHttp('fastify', 'accept'), ['guarded', 'raw']],
  ['TCP', startTcp, ['guarded']],
] as const)('the hints of a call over %s', (_name, start, handlers) => {
  it('are accepted from a service', async () => {
    const call = await start();
    for (const handler of [...handlers, 'open']) expect(await call(handler, ALL)).toEqual(SEEN);
  });

  it('refuse the call where one can not be one, or is there twice, before its token is looked at', async () => {
    const call = await start();
    for (const { name, good, bad } of HINTS) {
      const [value = ''] = good;
      for (const handler of handlers) {
        expect(await call(handler, { ...ALL, [name]: [value, value] })).toEqual(refused);
        for (const [, wrong] of bad) expect(await call(handler, { ...ALL, [name]: wrong })).toEqual(refused);
        expect(await call(handler, { [name]: value })).not.toHaveProperty('code');
      }
      expect(await call(handlers[0], { [name]: bad[0]?.[1] ?? '', authorization: 'Bearer nonsense' })).toEqual(refused);
    }
  });

  it('are left out of a public call that goes on with them malformed', async () => {
    const call = await start();
    for (const { name, good, bad } of HINTS) {
      const [value = ''] = good;
      for (const wrong of [[value, value], bad[0]?.[1] ?? '']) {
        const outcome = await call('open', { [name]: wrong });
        expect(outcome).toEqual({
          transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          passedOn: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
          hasDeadline: false,
        });
      }
    }
  });
});

describe.each(['express', 'fastify'] as const)('at the edge, on %s', (framework) => {
  it('what clients send as hints is replaced, be it malformed or not', async () => {
    const call = await startHttp(framework, 'replace');
    const malformed = Object.fromEntries(HINTS.map(({ name, bad }) => [name, bad[0]?.[1] ?? '']));
    const twice = Object.fromEntries(HINTS.map(({ name, good }) => [name, [good[0] ?? '', good[0] ?? '']]));
    for (const handler of ['guarded', 'raw', 'open']) {
      for (const hints of [ALL, malformed, twice]) {
        const outcome = await call(handler, { ...hints, 'accept-language': 'fr-CA, fr;q=0.8' });
        expect(outcome).toEqual({
          transactionId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/) as string,
          passedOn: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
          locale: 'fr-CA',
          hasDeadline: false,
        });
        expect(JSON.stringify(outcome)).not.toContain(TRACE.split('-')[1]);
      }
    }
  });
});

describe('an event', () => {
  it('is not handled with a hint that is malformed', async () => {
    const tcp = await startTcp();
    TestController.events.length = 0;
    await tcp.emit({ ...ALL, 'x-locale': 'de_CH' });
    await tcp.emit({ ...ALL, 'x-transaction-id': 'transaction-2' });
    // What comes by the same connection later is answered later.
    expect(await tcp('guarded', ALL)).toEqual(SEEN);
    expect(TestController.events).toEqual([{ ...SEEN, transactionId: 'transaction-2' }]);
  });
});
