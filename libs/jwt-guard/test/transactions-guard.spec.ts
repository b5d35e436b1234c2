import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, type INestApplication, type INestMicroservice, Module, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { request } from 'node:http';
import { type AddressInfo, type Server } from 'node:net';
import { AsyncLocalStorage } from 'node:async_hooks';
import { firstValueFrom } from 'rxjs';
import {
  currentPrincipal,
  currentRelayContext,
  JwtGuardModule,
  type JwtGuardOptions,
  type Principal,
  Public,
  RequireActor,
  RequireScopes,
  requireToken,
  RevocationList,
} from '../src';
import { currentCall } from '../src/relay/relay-context';

/** What a handler knows of its call. */
function seen(): object {
  const principal = currentPrincipal();
  const call = currentCall();
  return {
    subject: principal?.subject ?? null,
    scopes: principal?.scopes ?? null,
    clientId: principal?.clientId ?? null,
    actor: principal?.actor ?? null,
    signed: principal?.transactionId ?? null,
    hint: currentRelayContext()?.transactionId ?? null,
    token: call?.authenticated?.token ?? null,
    transactionToken: call?.authenticated?.transactionToken ?? null,
    timed: typeof call?.verifiedInMs === 'number' && call.verifiedInMs >= 0 && call.verifiedInMs < 10_000,
  };
}

@Controller()
class HttpController {
  @Get('guarded')
  guarded() {
    return seen();
  }

  @Get('scoped')
  @RequireScopes('documents:read')
  @RequireActor('gateway')
  scoped() {
    return seen();
  }

  @Public('it is for everybody')
  @Get('open')
  open() {
    return seen();
  }

  /** As in a team's old code. */
  @Public('its own guard asks')
  @UseGuards(AuthGuard('jwt'))
  @Get('passport')
  passport(@Req() { user }: { user: Principal }) {
    return { ...seen(), isUser: user === currentPrincipal() };
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
}

@Resolver()
class GraphqlResolver {
  @Query('guarded')
  guarded() {
    return JSON.stringify(seen());
  }
}

interface Sent {
  /** Each header as often as it has values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}
type Outcome = Readonly<Record<string, unknown>>;
interface Subject {
  call(handler: string, sent: Sent): Promise<Outcome>;
  stop(): Promise<unknown>;
}

let issuer: TestIssuer;
let revocation: RevocationList;
let good: { service: string; transaction: string };
let subject: Subject;
afterEach(() => subject.stop());
beforeEach(async () => {
  issuer = await TestIssuer.create();
  revocation = new RevocationList({ issuer: issuer.issuer, now: issuer.clock.now });
  good = { service: await issuer.serviceToken(), transaction: await issuer.transactionToken() };
});

const optionsWith = (changes: Partial<JwtGuardOptions> = {}, transactions = true): JwtGuardOptions => ({
  issuers: [
    {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: ['ES256'],
      jwks: issuer.jwks,
      ...(transactions && { transactions: { trustDomain: issuer.trustDomain } }),
    },
  ],
  revocation,
  now: issuer.clock.now,
  contextHints: 'accept',
  ...changes,
});

function http(port: number, path: string, { headers }: Sent, body?: string): Promise<Outcome> {
  const flat = Object.entries({ host: 'resource.test', ...headers }).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: flat, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        const challenge = answer.headers['www-authenticate'];
        resolve({ ...(JSON.parse(text) as object), ...(challenge !== undefined && { challenge }) });
      });
    });
    sent.on('error', reject).end(body);
  });
}

async function startHttp(framework: 'express' | 'fastify', options: JwtGuardOptions): Promise<Subject> {
  @Module({
    imports: [
      JwtGuardModule.forRoot(options),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs: 'type Query { guarded: String }',
        playground: false,
      }),
    ],
    controllers: [HttpController],
    providers: [...(framework === 'express' ? [GraphqlResolver] : [])],
  })
  class TestModule {}
  @Module({
    imports: [JwtGuardModule.forRoot(options)],
    controllers: [HttpController],
  })
  class PlainModule {}
  const app: INestApplication =
    framework === 'express'
      ? await NestFactory.create(TestModule, new ExpressAdapter(), { logger: false })
      : await NestFactory.create(PlainModule, new FastifyAdapter(), { logger: false });
  const raw = app.getHttpAdapter().getInstance() as {
    get(path: string, ...steps: ((request: object, answer: { send(body: unknown): void }) => unknown)[]): void;
    route(route: object): void;
  };
  const answer = (_request: object, reply: { send(body: unknown): void }): void => reply.send(seen());
  if (framework === 'express') raw.get('/raw', requireToken() as never, answer);
  else raw.route({ method: 'GET', url: '/raw', onRequest: requireToken(), handler: answer });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return {
    async call(handler, { headers }) {
      if (handler !== 'graphql') return http(port, `/${handler}`, { headers });
      const sent = { headers: { ...headers, 'content-type': 'application/json' } };
      const outcome = await http(port, '/graphql', sent, JSON.stringify({ query: '{ guarded }' }));
      const { data, errors } = outcome as {
        data?: { guarded: string } | null;
        errors?: { extensions: Outcome }[];
      };
      return errors?.[0]?.extensions ?? (JSON.parse(data?.guarded ?? '{}') as Outcome);
    },
    stop: () => app.close(),
  };
}

async function startTcp(options: JwtGuardOptions): Promise<Subject> {
  @Module({ imports: [JwtGuardModule.forRoot(options)], controllers: [HttpController] })
  class TestModule {}
  const server: INestMicroservice = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: false,
  });
  await server.listen();
  const { port } = server.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  const sending = new AsyncLocalStorage<Readonly<Record<string, string>>>();
  client.setOnDispatchHook((packet) => {
    packet.metadata = sending.getStore() ?? {};
  });
  return {
    async call(handler, { headers }) {
      // Two of one name can be told apart by their spelling alone.
      const metadata = Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().map((value, i) => [i === 0 ? name : name.toUpperCase(), value] as const),
      );
      return sending.run(Object.fromEntries(metadata), () =>
        firstValueFrom<Outcome>(client.send(handler, {})).catch((error: unknown) => {
          if (error instanceof Error) throw error;
          return error as Outcome;
        }),
      );
    },
    async stop() {
      client.close();
      await server.close();
    },
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const both = (changes: Readonly<Record<string, string | readonly string[]>> = {}): Sent => ({
  headers: { ...bearer(good.service), 'txn-token': good.transaction, ...changes },
});

const WAYS: [name: string, handler: string, start: (options: JwtGuardOptions) => Promise<Subject>][] = [
  ['a route on Express', 'guarded', (options) => startHttp('express', options)],
  ['a route on Fastify', 'guarded', (options) => startHttp('fastify', options)],
  ['a route past Nest on Express', 'raw', (options) => startHttp('express', options)],
  ['a route past Nest on Fastify', 'raw', (options) => startHttp('fastify', options)],
  ["a route with passport's own guard on Express", 'passport', (options) => startHttp('express', options)],
  ["a route with passport's own guard on Fastify", 'passport', (options) => startHttp('fastify', options)],
  ['a GraphQL query', 'graphql', (options) => startHttp('express', options)],
  ['a message over TCP', 'guarded', startTcp],
];

describe.each(WAYS)('a call in a transaction, to %s', (_name, handler, start) => {
  const call = (sent: Sent) => subject.call(handler, sent);
  const refused = (status: number, code: string) => expect.objectContaining({ status, code }) as unknown;

  it('is for the user, by the service, the first time and when both tokens are remembered', async () => {
    subject = await start(optionsWith());
    for (const hint of ['fresh-call', 'remembered']) {
      expect(await call(both({ 'x-transaction-id': hint }))).toMatchObject({
        subject: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
        scopes: ['documents:read', 'documents:write'],
        clientId: 'gateway',
        actor: ['gateway'],
        signed: '97053963-771d-49cc-a4e3-20aad399c312',
        hint,
        token: good.service,
        transactionToken: good.transaction,
        timed: true,
      });
    }
    if (handler === 'passport') expect(await call(both())).toMatchObject({ isUser: true });
  });

  it('takes both tokens', async () => {
    subject = await start(optionsWith());
    expect(await call({ headers: bearer(good.service) })).toMatchObject({
      subject: 'gateway',
      actor: [],
      transactionToken: null,
    });
    expect(await call({ headers: { 'txn-token': good.transaction } })).toEqual(refused(401, 'token_missing'));
    expect(await call(both(bearer(good.transaction)))).toEqual(refused(401, 'typ_not_allowed'));
    expect(await call({ headers: bearer(good.transaction) })).toEqual(refused(401, 'typ_not_allowed'));
    expect(await call(both({ 'txn-token': good.service }))).toEqual(refused(401, 'transaction_invalid'));
    expect(await call(both(bearer(await issuer.serviceToken('gateway', { aud: 'another' }))))).toEqual(
      refused(401, 'audience_mismatch'),
    );
  });

  it.each([
    ["a user's", { sub: 'a-user', sid: 'a' }],
    ['exchanged', { sub: 'a-user', act: { sub: 'gateway' } }],
    ["a service's for which another acts", { act: { sub: 'another' } }],
    ["a service's in a session", { sid: 'a' }],
  ])('takes no access token that is %s', async (_kind, claims) => {
    subject = await start(optionsWith());
    const token = await issuer.serviceToken('gateway', claims);
    expect(await call(both(bearer(token)))).toEqual(refused(401, 'service_token_required'));
    // Good as it is, and remembered, it is still none to call for others with.
    expect(await call({ headers: bearer(token) })).toMatchObject({ clientId: 'gateway' });
    expect(await call(both())).toMatchObject({ actor: ['gateway'] });
    expect(await call(both(bearer(token)))).toEqual(refused(401, 'service_token_required'));
  });

  it('takes one transaction token, and one that is good', async () => {
    subject = await start(optionsWith());
    const other = await issuer.transactionToken({ txn: 'another-transaction' });
    const of = (token: string | string[]) => call(both({ 'txn-token': token }));
    expect(await of([good.transaction, other])).toEqual(refused(400, 'transaction_repeated'));
    expect(await of([good.transaction, good.transaction])).toEqual(refused(400, 'transaction_repeated'));
    expect(await of(`${good.transaction},${other}`)).toEqual(refused(401, 'transaction_invalid'));
    expect(await of(`${good.transaction}, ${other}`)).toEqual(refused(401, 'transaction_invalid'));
    expect(await of(`Bearer ${good.transaction}`)).toEqual(refused(401, 'transaction_invalid'));
    expect(await of('')).toEqual(refused(401, 'transaction_invalid'));
    expect(await of(await issuer.transactionToken({ aud: issuer.audience }))).toEqual(
      refused(401, 'transaction_invalid'),
    );
    expect(await call({ headers: { ...bearer(good.service), 'Txn-Token': other } })).toMatchObject({
      signed: 'another-transaction',
    });
  });

  it('ends with either', async () => {
    subject = await start(optionsWith());
    expect(await call(both())).toMatchObject({ actor: ['gateway'] });
    issuer.clock.advance(65);
    expect(await call(both())).toEqual(refused(401, 'transaction_expired'));
    const next = await issuer.transactionToken({ sid: 'ended' });
    expect(await call(both({ 'txn-token': next }))).toMatchObject({ actor: ['gateway'] });
    revocation.add({ kind: 'sid', value: 'ended', until: issuer.clock.now() + 900 });
    expect(await call(both({ 'txn-token': next }))).toEqual(refused(401, 'transaction_invalid'));
    revocation.add({ kind: 'jti', value: 'of-gateway', until: issuer.clock.now() + 900 });
    expect(await call(both({ 'txn-token': await issuer.transactionToken() }))).toEqual(refused(401, 'token_revoked'));
  });

  it('is none where no issuer has transactions: it is not taken for the service’s own', async () => {
    subject = await start(optionsWith({}, false));
    expect(await call(both())).toEqual(refused(401, 'transaction_not_accepted'));
    expect(await call({ headers: bearer(good.service) })).toMatchObject({ subject: 'gateway' });
  });

  it('is refused for a hint that is malformed, before any token is looked at', async () => {
    subject = await start(optionsWith());
    for (const headers of [both().headers, bearer(good.service), {}]) {
      expect(await call({ headers: { ...headers, 'x-transaction-id': 'short' } })).toEqual(
        refused(400, 'context_malformed'),
      );
    }
  });
});

describe.each(['express', 'fastify'] as const)('at the edge, on %s', (framework) => {
  it('what clients send as a transaction token counts for nothing, and hinders nothing', async () => {
    for (const transactions of [true, false]) {
      subject = await startHttp(framework, optionsWith({ contextHints: 'replace' }, transactions));
      const user = await issuer.token();
      for (const handler of ['guarded', 'raw', 'passport']) {
        for (const token of [good.transaction, 'anything', [good.transaction, good.transaction]]) {
          expect(await subject.call(handler, both({ ...bearer(user), 'txn-token': token }))).toMatchObject({
            subject: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
            token: user,
            signed: null,
            transactionToken: null,
          });
        }
        expect(await subject.call(handler, both())).toMatchObject({ subject: 'gateway', actor: [] });
        expect(await subject.call(handler, { headers: { 'txn-token': good.transaction } })).toMatchObject({
          status: 401,
          code: 'token_missing',
        });
      }
      await subject.stop();
    }
  });
});

describe('a call in a transaction', () => {
  it('is authorized by the scopes of the transaction, and by the service as its actor', async () => {
    subject = await startHttp('fastify', optionsWith());
    expect(await subject.call('scoped', both())).toMatchObject({ actor: ['gateway'] });
    const poor = await issuer.transactionToken({ scope: 'another' });
    const rich = await issuer.serviceToken('gateway', { scope: 'documents:read' });
    expect(await subject.call('scoped', both({ ...bearer(rich), 'txn-token': poor }))).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    });
    const resource = await issuer.serviceToken('resource');
    expect(await subject.call('scoped', both(bearer(resource)))).toMatchObject({
      status: 403,
      code: 'actor_not_allowed',
    });
  });

  it('to a public handler is for nobody, whatever it carries', async () => {
    subject = await startHttp('express', optionsWith());
    for (const headers of [both().headers, { 'txn-token': ['a', 'b'] }, { 'x-transaction-id': '?' }]) {
      expect(await subject.call('open', { headers })).toMatchObject({ subject: null, transactionToken: null });
    }
  });

  it('that is refused is challenged as RFC 6750 has it, and shows no token', async () => {
    subject = await startHttp('fastify', optionsWith());
    const outcome = await subject.call('guarded', both({ 'txn-token': `${good.transaction}x` }));
    expect(outcome.challenge).toBe(
      'Bearer realm="api", error="invalid_token", error_description="The transaction token is not valid."',
    );
    expect(JSON.stringify(outcome)).not.toContain(good.transaction.split('.')[1]);
    const repeated = await subject.call('guarded', both({ 'txn-token': [good.transaction, good.transaction] }));
    expect(repeated.challenge).toMatch(/error="invalid_request"/);
  });

  it('is one of many that never mix', async () => {
    subject = await startHttp('fastify', optionsWith());
    const services = await Promise.all(['a', 'b', 'c'].map((client) => issuer.serviceToken(client)));
    const calls = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const txn = `transaction-${i % 50}`;
        const token = await issuer.transactionToken({ txn, sub: `user-${i % 50}` });
        return { i, sent: both({ ...bearer(services[i % 3] ?? ''), 'txn-token': token }) };
      }),
    );
    for (let at = 0; at < calls.length; at += 50) {
      const outcomes = await Promise.all(calls.slice(at, at + 50).map(({ sent }) => subject.call('guarded', sent)));
      outcomes.forEach((outcome, k) => {
        const i = at + k;
        expect(outcome).toMatchObject({
          subject: `user-${i % 50}`,
          signed: `transaction-${i % 50}`,
          actor: [['a', 'b', 'c'][i % 3]],
        });
      });
    }
  });
});
