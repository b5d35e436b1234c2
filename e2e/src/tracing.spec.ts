import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process';
import { callRpc } from './rpc-client';
import { expectNoSecrets } from './secrets';
import { clientsFile, ISSUER, makeAccounts, post, secret, System, usersFile } from './system';
import { attributesOf, TraceCollector, treeOf } from './trace-collector';

const CLIENTS = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

type Line = Readonly<Record<string, unknown>>;

const linesOf = ({ lines }: AppProcess): Line[] => lines.map((line) => JSON.parse(line) as Line);

describe('traces of the whole system', () => {
  let collector: TraceCollector;
  let system: System;
  let token: string;

  beforeAll(async () => {
    collector = await TraceCollector.start();
    const every = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' };
    system = await System.start({ every });
    token = await system.login('alice');
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  it('are one of a login, through the gateway and auth', async () => {
    expect(treeOf(await collector.trace('POST /auth/login', 3))).toEqual([
      'gateway: POST /auth/login',
      '  gateway: POST auth',
      '    auth: POST /auth/login',
    ]);
  });

  it('are one of a call through all services, and of the tokens that they get for it on the way', async () => {
    const answer = await system.call('/api/whoami', token, { headers: { traceparent: CLIENTS } });
    expect(answer.status).toBe(200);
    const { hops } = (await answer.json()) as { hops: { transactionId: string }[] };
    const spans = await collector.trace('GET /api/whoami', 9);
    expect(treeOf(spans)).toEqual([
      'gateway: GET /api/whoami',
      '  gateway: GET resource',
      '    resource: GET /whoami',
      '      resource: audit audit.whoami',
      '        audit: audit.whoami',
      '      resource: POST token endpoint',
      '        auth: POST /oauth/token',
      '  gateway: POST token endpoint',
      '    auth: POST /oauth/token',
    ]);
    const [{ traceId } = { traceId: '' }] = spans;
    // The client's own trace is linked, and not gone on with.
    expect(traceId).not.toBe(CLIENTS.slice(3, 35));
    expect(traceId).toBe(hops[0]?.transactionId.replaceAll('-', ''));
    for (const span of spans.filter(({ kind }) => kind === 2)) {
      expect(attributesOf(span)['token_relay.transaction_id']).toBe(hops[0]?.transactionId);
    }

    // What each service has written of it.
    const { sub } = system.accounts.alice;
    const written = async (app: AppProcess, message: string): Promise<Line> => {
      for (;;) {
        const found = linesOf(app).find((line) => line.msg === message && line.traceId === traceId);
        if (found) return found;
        await app.wrote(`"traceId":"${traceId}"`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const { transactionId } = hops[0] ?? {};
    expect(await written(system.gateway, 'request')).toMatchObject({ transactionId, subject: sub, status: 200 });
    expect(await written(system.resource, 'request')).toMatchObject({
      transactionId,
      subject: sub,
      actor: ['gateway'],
      clientId: 'gateway',
    });
    expect(await written(system.audit, 'rpc')).toMatchObject({
      transactionId,
      subject: sub,
      actor: ['resource', 'gateway'],
      clientId: 'resource',
      pattern: 'audit.whoami',
      status: 200,
    });
    expect(await written(system.auth, 'token_exchanged')).toMatchObject({ transactionId, subject: sub });
  });

  it('have no span for a token that is at hand', async () => {
    expect((await system.call('/api/documents', token)).status).toBe(200);
    expect(treeOf(await collector.trace('GET /api/documents', 3))).toEqual([
      'gateway: GET /api/documents',
      '  gateway: GET resource',
      '    resource: GET /documents',
    ]);
  });

  it('say why a call was refused, as the logs do', async () => {
    expect((await system.call('/api/documents/none', token)).status).toBe(404);
    const [line = '{}'] = [await system.resource.wrote('document_not_found')];
    const { traceId, code } = JSON.parse(line) as Line;
    expect(code).toBe('document_not_found');
    const spans = await collector.trace('GET /documents/:id', 3);
    const served = spans.find(({ service, kind }) => service === 'resource' && kind === 2);
    expect(served?.traceId).toBe(traceId);
    expect(served && attributesOf(served)).toMatchObject({
      'http.route': '/documents/:id',
      'token_relay.code': 'document_not_found',
    });
  });

  it('have a line in the log for what audit refuses by RPC, with the code', async () => {
    const call = { pattern: 'audit.whoami', data: {}, metadata: { traceparent: CLIENTS } };
    expect(await callRpc(system.audit.addresses.rpc ?? '', call)).toMatchObject({ err: { code: 'token_missing' } });
    const line = JSON.parse(await system.audit.wrote('"code":"token_missing"')) as Line;
    expect(line).toMatchObject({
      msg: 'rpc',
      pattern: 'audit.whoami',
      status: 401,
      code: 'token_missing',
      traceId: CLIENTS.slice(3, 35),
    });
    expect(line).not.toHaveProperty('subject');
  });

  it('hold no token, no secret, no query and nobody', async () => {
    expect((await system.call('/api/documents?q=in-the-query', token)).status).toBe(200);
    await collector.trace('GET /api/documents', 6);
    for (const secret of [token, token.replaceAll('.', '%2E'), 'rt_abcdefghijklmnop', 'a%2Frt_abcdefghijklmnop']) {
      await system.call(`/api/documents/${secret}`, token);
      await system.call(`/nothing/${secret};password=${system.accounts.alice.password}`, token);
    }
    const sent = (): string => collector.bodies.join('\n');
    // Of whatever there is no route for there is the method.
    const unmatched = () => collector.spans.filter(({ name }) => name === 'GET');
    for (let i = 0; i < 500 && unmatched().length < 4; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unmatched().length).toBeGreaterThanOrEqual(4);
    const { alice } = system.accounts;
    const secrets = [...Object.values(system.secrets), token.slice(-24), alice.password, alice.sub, alice.username];
    for (const value of [...secrets, 'in-the-query', 'eyJ', 'rt_', 'Basic ']) expect(sent()).not.toContain(value);
    expectNoSecrets('whoever makes spans', collector.bodies);
  });

  it('stop no call when nobody takes them any more, which is logged once', async () => {
    await collector.stop();
    const statuses = [];
    for (let i = 0; i < 20; i++) statuses.push((await system.call('/api/whoami', token)).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await system.gateway.wrote('traces can not be delivered');
    for (let i = 0; i < 20; i++) statuses.push((await system.call('/api/whoami', token)).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const told = linesOf(system.gateway).filter(({ msg }) => msg === 'traces can not be delivered');
    expect(told).toEqual([expect.not.objectContaining({ traceId: expect.anything() as unknown })]);
  });
});

describe('a service without a collector', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, true],
  ])('has loaded nothing of an SDK when it ends: with %j it has: %j', async (more, isLoaded) => {
    const report = join(folder, 'report.cjs');
    await writeFile(
      report,
      `process.on('exit', () => {
        const names = Object.keys(require.cache).flatMap((path) => /@opentelemetry[/\\\\][^/\\\\]+/.exec(path) ?? []);
        require('node:fs').writeSync(1, JSON.stringify({ msg: 'loaded', names: [...new Set(names)] }) + '\\n');
      });`,
    );
    const accounts = makeAccounts();
    await writeFile(join(folder, 'users.json'), await usersFile([accounts.alice]));
    const secrets = { gateway: secret(), resource: secret(), audit: secret() };
    await writeFile(join(folder, 'clients.json'), clientsFile(secrets));
    const auth = await AppProcess.start('auth', {
      ISSUER,
      USERS_FILE: join(folder, 'users.json'),
      CLIENTS_FILE: join(folder, 'clients.json'),
      SINGLE_AUTH: '1',
      NODE_OPTIONS: `--require ${report}`,
      ...more,
    });
    const { username, password } = accounts.alice;
    expect((await post(`${auth.url}/auth/login`, { username, password })).status).toBe(200);
    expect(await auth.stop()).toBe(0);
    const { names } = JSON.parse(await auth.wrote('"loaded"')) as { names: string[] };
    expect(names).toContain('@opentelemetry/api');
    expect(names.includes('@opentelemetry/sdk-trace-node')).toBe(isLoaded);
    if (!isLoaded) expect(names).toEqual(['@opentelemetry/api']);
  });
});
