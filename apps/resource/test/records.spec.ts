import { type DynamicModule } from '@nestjs/common';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger, type Logger } from '@token-relay/service-kit';
import { JwksServer, RevocationFeedServer, TestClock, TestIssuer } from '@token-relay/testing';
import { describeWith, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import { type AddressInfo, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from '../src/app.module';
import { loadResourceConfig } from '../src/resource.config';

const ISSUER = 'https://issuer.test';
const SECRET = 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q';
const ROOT = resolve(__dirname, '../../..');

interface AuditApp {
  readonly AppModule: { forRoot(config: unknown, logger: Logger): DynamicModule };
  readonly loadAuditConfig: (environment: NodeJS.ProcessEnv) => unknown;
}
/** The other app: the border between the two is crossed here on purpose, and by nothing that is shipped. */
async function auditApp(): Promise<AuditApp> {
  const [module, config] = (await Promise.all(
    ['app.module', 'audit.config'].map((name) => import(join(ROOT, 'apps/audit/src', name))),
  )) as AuditApp[];
  return { ...module, ...config } as AuditApp;
}

/** A Redis that goes away, and comes back to where it was. */
class Records {
  private constructor(private redis: OwnRedis) {}

  static async start(): Promise<Records> {
    return new Records(await startOwnRedis());
  }

  get url(): string {
    return this.redis.url;
  }

  async leave(): Promise<void> {
    await this.redis.stop();
  }

  async comeBack(): Promise<void> {
    this.redis = await startOwnRedis([], this.redis.port);
  }
}

describeWith(REDIS)('resource and audit, each with records of its own in a Redis', () => {
  const logger = createLogger('resource', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
  let issuer: TestIssuer;
  let jwks: JwksServer;
  let feed: RevocationFeedServer;
  let documents: Records;
  let entries: Records;
  let audit: NestFastifyApplication;
  let resource: NestFastifyApplication;
  let authorization: string;

  beforeAll(async () => {
    const clock = new TestClock(Math.floor(Date.now() / 1000));
    issuer = await TestIssuer.create({ issuer: ISSUER, audience: 'gateway', clock });
    jwks = await JwksServer.start(issuer.jwks);
    feed = await RevocationFeedServer.start(ISSUER);
    [documents, entries] = [await Records.start(), await Records.start()];
    // Users' tokens go on as they are: there is nobody here to exchange them.
    const environment = {
      ISSUER,
      AUTH_URL: new URL(jwks.url).origin,
      REVOCATIONS_URL: feed.url,
      RELAY_MODE: 'forward',
      DANGEROUSLY_FORWARD: '1',
      DANGEROUSLY_ALLOW_HTTP: '1',
    };
    const app = await auditApp();
    const auditConfig = app.loadAuditConfig({
      ...environment,
      AUDIT_CLIENT_SECRET: SECRET,
      RECORDS_URL: entries.url,
    });
    audit = await createHttpApp(app.AppModule.forRoot(auditConfig, logger), { logger });
    const rpc = audit.connectMicroservice<MicroserviceOptions>(
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
      { inheritAppConfig: true },
    );
    await audit.startAllMicroservices();
    await audit.listen(0, '127.0.0.1');
    const { port } = rpc.unwrap<Server>().address() as AddressInfo;

    const config = loadResourceConfig({
      ...environment,
      AUDIT_URL: `tcp://127.0.0.1:${port}`,
      RESOURCE_CLIENT_SECRET: SECRET,
      RECORDS_URL: documents.url,
    });
    resource = await createHttpApp(AppModule.forRoot(config, logger), { logger });
    await resource.listen(0, '127.0.0.1');
    for (const one of [audit, resource]) await until(async () => (await readiness(one)) === 200);
  });
  afterAll(async () => {
    await resource.close();
    await audit.close();
    await Promise.all([jwks.stop(), feed.stop(), documents.leave(), entries.leave()]);
  });
  beforeEach(async () => {
    const scope = 'documents:read documents:write audit:read';
    authorization = `Bearer ${await issuer.token({ sub: expect.getState().currentTestName, scope })}`;
  });

  const readiness = async (app: NestFastifyApplication) => (await fetch(`${await app.getUrl()}/readyz`)).status;
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await sleep(20);
  }
  async function call(method: string, path: string, body?: object) {
    const answer = await fetch(`${await resource.getUrl()}${path}`, {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  }
  const create = (title: string) => call('POST', '/documents', { title });
  const titles = async () =>
    ((await call('GET', '/documents')).body.documents as { title: string }[]).map(({ title }) => title);
  const recorded = async () => ((await call('GET', '/audit')).body.entries as object[]).length;

  it('makes a document that is recorded', async () => {
    const before = await recorded();
    expect((await create('Plan')).status).toBe(201);
    expect(await titles()).toEqual(['Plan']);
    expect(await recorded()).toBe(before + 1);
  });

  it('is ready without its documents, and says of each request that needs them that they can not be had', async () => {
    const before = await recorded();
    await documents.leave();
    try {
      expect(await readiness(resource)).toBe(200);
      for (const { status, headers, body } of [
        await call('GET', '/documents'),
        await call('GET', '/documents/an-id'),
        await create('Plan'),
      ]) {
        expect(status).toBe(503);
        expect(headers.get('content-type')).toBe('application/problem+json');
        expect(headers.get('retry-after')).toMatch(/^\d+$/);
        expect(Object.keys(body).sort()).toEqual(['code', 'detail', 'status', 'title', 'transactionId', 'type']);
        expect(body).toMatchObject({ status: 503, code: 'store_unavailable' });
      }
      // What needs no documents is answered, and nothing was recorded of what did not happen.
      expect((await call('GET', '/whoami')).status).toBe(200);
      expect(await recorded()).toBe(before);
    } finally {
      await documents.comeBack();
    }
    await until(async () => (await call('GET', '/documents')).status === 200);
    expect((await create('Plan')).status).toBe(201);
  });

  it('makes no document that audit can not record', async () => {
    await entries.leave();
    try {
      expect(await readiness(audit)).toBe(200);
      for (const { status, headers, body } of [await create('Plan'), await call('GET', '/audit')]) {
        expect(status).toBe(503);
        expect(headers.get('content-type')).toBe('application/problem+json');
        expect(headers.get('retry-after')).toMatch(/^\d+$/);
        expect(body).toMatchObject({ status: 503, code: 'upstream_unavailable' });
      }
      expect(await titles()).toEqual([]);
    } finally {
      await entries.comeBack();
    }
    await until(async () => (await call('GET', '/audit')).status === 200);
    expect((await create('Plan')).status).toBe(201);
    expect(await titles()).toEqual(['Plan']);
  });
});
