import { Controller, Get, Module } from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { context, trace } from '@opentelemetry/api';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { currentRelayContext, JwtGuardModule, Public } from '@token-relay/jwt-guard';
import { TestIssuer } from '@token-relay/testing';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createHttpApp, createLogger, HealthModule, loadConfig, ProblemException, TracingModule } from '../src';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}
interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

@Public('a test')
@Controller()
class Handlers {
  @Get('good')
  good() {
    return {};
  }

  @Get('spanning')
  spanning() {
    trace.getTracer('a test').startSpan('within').end();
    return {};
  }

  @Get('files/*')
  file() {
    return {};
  }

  @Get('things/:id')
  thing() {
    return {};
  }

  @Get('meant')
  meant() {
    throw new ProblemException(409, 'is_taken', 'It is taken.');
  }
}

describe('TracingModule', () => {
  let issuer: TestIssuer;
  let collector: Server;
  let batches: Batch[];
  let answer: number | 'nothing';
  let lines: string[];
  let apps: NestFastifyApplication[];

  beforeAll(async () => {
    issuer = await TestIssuer.create();
  });
  beforeEach(async () => {
    [batches, answer, lines, apps] = [[], 200, [], []];
    collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (answer === 'nothing') return;
        if (answer === 200) batches.push(JSON.parse(Buffer.concat(chunks).toString()) as Batch);
        response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await Promise.all(apps.map((app) => app.close()));
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
    for (const name of ['OTEL_SERVICE_NAME', 'OTEL_TRACES_SAMPLER', 'OTEL_EXPORTER_OTLP_TIMEOUT']) {
      delete process.env[name];
    }
  });

  async function start(endpoint: string | undefined): Promise<{ app: NestFastifyApplication; url: string }> {
    // What an app of an earlier test still says is not this one's.
    const own = lines;
    const destination = { write: (line: string) => void own.push(line) };
    const logger = createLogger('test', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, destination);
    const config = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TEST_CLIENT_SECRET: 'known-to-the-service' };
    @Module({
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
        }),
        HealthModule.forVerifier('test'),
        TracingModule.forRoot({ service: 'test', config, logger }),
      ],
      controllers: [Handlers],
    })
    class AppModule {}
    const app = await createHttpApp({ module: AppModule }, { logger });
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    return { app, url: await app.getUrl() };
  }

  const endpoint = (): string => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const spans = (): Span[] =>
    batches.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((s) => s.spans)),
    );
  const attribute = (attributes: Span['attributes'] = [], name: string) =>
    attributes.find(({ key }) => key === name)?.value.stringValue;
  const serviceName = () => attribute(batches[0]?.resourceSpans[0]?.resource.attributes, 'service.name');
  /** What is logged of requests for a path, as objects. */
  const logged = (path: string) =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.path === path);

  it('delivers what there is at the end, in the name of the service, and nothing of probes', async () => {
    const { app, url } = await start(`${endpoint()}/`);
    await fetch(`${url}/healthz`);
    await fetch(`${url}/good?secret=1`);
    await app.close();
    expect(spans().map(({ name }) => name)).toEqual(['GET /good']);
    expect(serviceName()).toBe('test');
    expect(JSON.stringify(batches)).not.toContain('secret');
  });

  const OPAQUE = 'ABCDEFGHIJKLMNOPQRSTUVWX';
  it.each([
    `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.${OPAQUE}`,
    `eyJhbGciOiJFUzI1NiJ9%2EeyJzdWIiOiJhbGljZSJ9%2E${OPAQUE}`,
    `rt_${OPAQUE}`,
    `a%2Frt_${OPAQUE}`,
    `a;password=${OPAQUE}`,
    `a%3Frefresh_token%3D${OPAQUE}`,
    'known-to-the-service',
  ])('delivers nothing of a secret that stands in a path, be there a route for it or not: %s', async (secret) => {
    const { app, url } = await start(endpoint());
    for (const path of ['things', 'nothing/here']) await fetch(`${url}/${path}/${secret}?a=${secret}`);
    await app.close();
    expect(spans().map(({ name }) => name)).toEqual(['GET /things/:id', 'GET']);
    const paths = spans().map(({ attributes }) => attribute(attributes, 'url.path'));
    expect(paths).toEqual([expect.stringMatching(/^\/things\/.*\[(?:token|redacted)\]$/), undefined]);
    for (const part of [OPAQUE, 'eyJ', 'rt_', 'known-to']) expect(JSON.stringify(batches)).not.toContain(part);
  });

  it('delivers of a long path its beginning', async () => {
    const { app, url } = await start(endpoint());
    await fetch(`${url}/files/${'a/'.repeat(5_000)}`);
    await app.close();
    const path = attribute(spans()[0]?.attributes, 'url.path');
    expect(path).toBe(`/files/${'a/'.repeat(5_000)}`.slice(0, 2_048).concat('… (10007 characters)'));
  });

  it('sends a batch outside of the call that happens to fill it', async () => {
    const seen: unknown[] = [];
    const sent = jest.spyOn(BatchSpanProcessor.prototype, 'onEnd').mockImplementation(() => {
      seen.push(currentRelayContext());
    });
    const { url } = await start(endpoint());
    await fetch(`${url}/spanning`);
    sent.mockRestore();
    expect(seen).toEqual([undefined, undefined]);
  });

  it('gives a trace that begins here the id of its transaction, and both to the line in the log', async () => {
    const { app, url } = await start(endpoint());
    await fetch(`${url}/good`);
    await app.close();
    const [span] = spans();
    const transactionId = attribute(span?.attributes, 'token_relay.transaction_id');
    expect(span?.traceId).toBe(transactionId?.replaceAll('-', ''));
    expect(logged('/good')).toMatchObject([{ msg: 'request', traceId: span?.traceId, transactionId }]);
  });

  it("says by which code of its own a service has answered, as the request's line does", async () => {
    const { app, url } = await start(endpoint());
    await fetch(`${url}/meant`);
    await app.close();
    expect(attribute(spans()[0]?.attributes, 'token_relay.code')).toBe('is_taken');
    expect(logged('/meant')).toMatchObject([{ status: 409, code: 'is_taken' }]);
  });

  it('takes what the SDK takes from the environment', async () => {
    Object.assign(process.env, { OTEL_SERVICE_NAME: 'another' });
    const { app, url } = await start(endpoint());
    await fetch(`${url}/good`);
    await app.close();
    expect(serviceName()).toBe('another');
  });

  it('samples as the environment says, and says the rest of it in the log', async () => {
    Object.assign(process.env, { OTEL_TRACES_SAMPLER: 'always_off' });
    const off = await start(endpoint());
    await fetch(`${off.url}/good`);
    await off.app.close();
    expect(batches).toEqual([]);
    expect(logged('/good')).toMatchObject([{ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string }]);
    Object.assign(process.env, { OTEL_TRACES_SAMPLER: 'nonsense' });
    await start(endpoint());
    expect(lines.join()).toContain('OTEL_TRACES_SAMPLER value');
  });

  it.each([
    ['is away', () => 'http://127.0.0.1:9'],
    ['refuses', () => ((answer = 400), endpoint())],
    ['is silent', () => ((answer = 'nothing'), endpoint())],
  ])('serves as before where the collector %s, and ends in time', async (_what, where) => {
    // More than the end may take.
    Object.assign(process.env, { OTEL_EXPORTER_OTLP_TIMEOUT: '5000' });
    const { app, url } = await start(where());
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${url}/good`)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    const begun = performance.now();
    await app.close();
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(batches).toEqual([]);
  });

  it('says that traces are lost, and no call in that line: it is about them all', async () => {
    answer = 400;
    const { app, url } = await start(endpoint());
    await fetch(`${url}/good`);
    await app.close();
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told.filter(({ msg }) => msg === 'traces can not be delivered')).toEqual([
      {
        level: 40,
        time: expect.any(String) as string,
        service: 'test',
        lost: 1,
        reason: '400 Bad Request',
        msg: 'traces can not be delivered',
      },
    ]);
  });

  it('leaves nothing behind in the process when it ends', async () => {
    const { app } = await start(endpoint());
    expect(trace.getTracer('a test').startSpan('a').isRecording()).toBe(true);
    await app.close();
    expect(trace.getTracer('a test').startSpan('a').isRecording()).toBe(false);
    expect(context.active()).toBeDefined();
  });
});

describe('OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  const loaded = (value: string) => loadConfig(() => ({}), { OTEL_EXPORTER_OTLP_ENDPOINT: value });

  it.each(['http://127.0.0.1:4318', 'https://collector.test/otlp'])('may be %s', (value) =>
    expect(loaded(value).OTEL_EXPORTER_OTLP_ENDPOINT).toBe(value),
  );

  it.each(['collector:4318', 'grpc://collector:4317', 'http://'])('may not be %s, which is not shown', (value) => {
    expect(() => loaded(value)).toThrow('OTEL_EXPORTER_OTLP_ENDPOINT: must be an http(s) URL');
    expect(() => loaded(value)).not.toThrow(value);
  });
});

describe('without OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  const loaded: string[] = [];

  beforeAll(() => {
    jest.resetModules();
    for (const name of ['sdk-trace-node', 'exporter-trace-otlp-http', 'resources']) {
      jest.doMock(`@opentelemetry/${name}`, () => {
        loaded.push(name);
        throw new Error(`${name} is loaded`);
      });
    }
  });

  it.each([
    [undefined, []],
    ['http://127.0.0.1:9', ['sdk-trace-node', 'exporter-trace-otlp-http', 'resources']],
  ])('nothing of the SDK is loaded: with %s it is %j', async (endpoint, expected) => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the modules that are loaded from here on
    const kit = require('../src') as typeof import('../src'); // eslint-disable-line @typescript-eslint/consistent-type-imports
    loaded.length = 0;
    const logger = kit.createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    const module = kit.TracingModule.forRoot({
      service: 'test',
      config: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      logger,
    });
    const [provider] = module.providers as { useFactory: () => Promise<unknown> | null }[];
    await Promise.resolve(provider?.useFactory()).catch(() => undefined);
    expect(loaded).toEqual(expected);
  });
});
