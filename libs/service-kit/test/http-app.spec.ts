import {
  Body,
  Controller,
  type DynamicModule,
  Get,
  HttpException,
  Module,
  NotFoundException,
  Post,
  Req,
} from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { JwtGuardModule, Public, VerifierUnavailable } from '@token-relay/jwt-guard';
import { TestIssuer } from '@token-relay/testing';
import { once } from 'node:events';
import { connect } from 'node:net';
import { z } from 'zod';
import { createHttpApp, createLogger, HealthModule, ProblemException, validated } from '../src';

const lines: string[] = [];
let ready = false;

@Public('a test of errors')
@Controller()
class FailingController {
  @Get('bug')
  bug() {
    throw new Error('the secret of the bug');
  }

  @Get('thrown-text')
  thrownText() {
    throw 'the secret of the bug' as unknown as Error;
  }

  @Get('meant')
  meant() {
    throw new ProblemException(409, 'taken', 'It is taken.', { by: 'me' });
  }

  @Get('nests-own')
  nestsOwn() {
    throw new NotFoundException('the secret of the bug');
  }

  @Get('waits')
  waits() {
    return new Promise(() => undefined);
  }

  @Get('teapot')
  teapot() {
    throw new HttpException('the secret of the bug', 418);
  }

  @Get('outage')
  outage() {
    throw new VerifierUnavailable('upstream_failed', { cause: new Error('socket hang up') });
  }

  @Post('validated')
  validated(@Body(validated(z.object({ n: z.number() }))) body: { n: number }) {
    return body;
  }
}

@Module({ controllers: [FailingController] })
class FailingModule {}

@Public('a test of addresses')
@Controller()
class AddressController {
  @Get('address')
  address(@Req() request: { ip: string }) {
    return { address: request.ip };
  }
}

@Module({ controllers: [AddressController] })
class AddressModule {}

describe('the address of a request', () => {
  const apps: NestFastifyApplication[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  /** As it is for a client on 127.0.0.1 that says so. */
  async function addressFor(forwardedFor: string, trustedProxies?: readonly string[]): Promise<unknown> {
    const { issuer, audience, jwks } = await TestIssuer.create();
    const guard = JwtGuardModule.forRoot({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwks }] });
    const logger = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    const options = { logger, ...(trustedProxies && { trustedProxies }) };
    const app = await createHttpApp({ module: AddressModule, imports: [guard] }, options);
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    const headers = { 'x-forwarded-for': forwardedFor, forwarded: `for=${forwardedFor}` };
    const answer = await fetch(`${await app.getUrl()}/address`, { headers });
    return ((await answer.json()) as { address: unknown }).address;
  }

  it.each([undefined, [], ['127.0.0.2', '10.0.0.0/8']])(
    "is its connection's, where that is from no proxy that is trusted: %j",
    async (trustedProxies) => {
      expect(await addressFor('203.0.113.9', trustedProxies)).toBe('127.0.0.1');
    },
  );

  it('is the last one that proxies which are trusted have seen', async () => {
    expect(await addressFor('203.0.113.9', ['127.0.0.1'])).toBe('203.0.113.9');
    expect(await addressFor('198.51.100.1, 203.0.113.9', ['127.0.0.0/8'])).toBe('203.0.113.9');
    expect(await addressFor('198.51.100.1, 203.0.113.9, 10.0.0.1', ['127.0.0.0/8', '10.0.0.1'])).toBe('203.0.113.9');
  });
});

describe('an app of the kit', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const { issuer, audience, jwks } = await TestIssuer.create();
    const module: DynamicModule = {
      module: FailingModule,
      imports: [
        JwtGuardModule.forRoot({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwks }] }),
        HealthModule.forRoot('kit', { useFactory: () => ({ keys: () => ready, other: () => true }) }),
      ],
    };
    const destination = { write: (text: string) => void lines.push(...text.trimEnd().split('\n')) };
    const logger = createLogger('test', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, destination);
    app = await createHttpApp(module, { logger });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  it('logs a request whose client hangs up, which has no status', async () => {
    const before = lines.length;
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('GET /waits HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    const logged = lines.slice(before).filter((line) => line.includes('/waits'));
    expect(logged.map((line) => JSON.parse(line) as object)).toMatchObject([
      { msg: 'request', route: '/waits', code: 'client_gone', transactionId: expect.any(String) as string },
    ]);
    expect(logged[0]).not.toContain('"status"');
  });

  const call = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`${url}/${path}`, init);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it.each([
    ['bug', 500, 'internal_error'],
    ['thrown-text', 500, 'internal_error'],
    ['meant', 409, 'taken'],
    ['nests-own', 404, 'route_not_found'],
    ['teapot', 418, 'request_refused'],
    ['outage', 502, 'upstream_failed'],
    ['nowhere', 404, 'route_not_found'],
  ])('answers %s with %i %s and nothing of what it was', async (path, status, code) => {
    const { body, status: answered } = await call(path);
    expect({ answered, ...body }).toMatchObject({ answered: status, status, code });
    expect(JSON.stringify(body)).not.toMatch(/secret of the bug|hang up/);
  });

  it('logs what nobody foresaw, with the id that the caller was told', async () => {
    const { body } = await call('bug');
    const line = lines.find(
      (entry) => entry.includes('the secret of the bug') && entry.includes(String(body.transactionId)),
    );
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, code: 'internal_error' });
  });

  it('logs every request with what it was answered', async () => {
    const { body } = await call('meant?token=secret-in-a-query');
    const line = lines.find((entry) => entry.includes('"request"') && entry.includes(String(body.transactionId)));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ method: 'GET', path: '/meant', status: 409, code: 'taken' });
    expect(lines.join('')).not.toContain('secret-in-a-query');
  });

  it('adds to a problem what was meant to be added', async () => {
    expect((await call('meant')).body).toMatchObject({ title: 'Conflict', detail: 'It is taken.', by: 'me' });
  });

  it('tells what is wrong with a field', async () => {
    const headers = { 'content-type': 'application/json' };
    const { body } = await call('validated', { method: 'POST', headers, body: '{"n":"1"}' });
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ path: 'n' }] });
  });

  it('lives before it is ready, and says what it is waiting for', async () => {
    expect(await call('healthz')).toEqual({ status: 200, body: { service: 'kit', status: 'ok' } });
    expect(await call('readyz')).toMatchObject({
      status: 503,
      body: { code: 'not_ready', failing: ['keys'] },
    });
    ready = true;
    expect(await call('readyz')).toEqual({ status: 200, body: { service: 'kit', status: 'ready' } });
  });
});
