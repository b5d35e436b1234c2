import { type DecisionTrace } from '@token-relay/jwt-guard';
import { BuiltConsole } from './built-console';
import { GatewayApp, until } from './gateway-app';

const PATH = '/console/api/inspect';
const LIMIT = 10;

describe('the inspection of a token', () => {
  const built = new BuiltConsole();
  let demo: GatewayApp;
  let gateway: GatewayApp;

  const start = (environment: Readonly<Record<string, string>>) =>
    GatewayApp.start({
      environment,
      consoleFolder: built.folder,
      service: (_request, response) => void response.end(),
    });
  beforeAll(async () => {
    [demo, gateway] = await Promise.all([start(built.demo), start({ CONSOLE: '1' })]);
  });
  afterAll(async () => {
    await Promise.all([demo.stop(), gateway.stop()]);
    built.remove();
  });

  let posted = 0;
  const post = (body: string, type = 'application/json'): Promise<Response> => {
    posted++;
    return fetch(demo.url + PATH, { method: 'POST', headers: { 'content-type': type }, body });
  };
  const inspected = async (token: string): Promise<DecisionTrace> =>
    (await (await post(JSON.stringify({ token }))).json()) as DecisionTrace;
  const asOperator = (token: string, claims: Record<string, unknown>) =>
    gateway.call(
      PATH,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }) },
      { scope: 'auth:admin', ...claims },
    );

  it('says stage by stage, and in milliseconds, why a token is accepted', async () => {
    const token = await demo.token();
    const answer = await post(JSON.stringify({ token: ` ${token}\n` }));
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const trace = (await answer.json()) as DecisionTrace;
    expect(trace).toMatchObject({ outcome: 'accepted', token: { verified: true, bytes: token.length } });
    expect(trace.stages).toHaveLength(6);
    for (const { outcome, ms } of trace.stages) expect([outcome, typeof ms]).toEqual(['passed', 'number']);
  });

  it('says why one is refused, and shows no signature', async () => {
    const foreign = await demo.token({ aud: 'resource' });
    const trace = await inspected(foreign);
    expect(trace).toMatchObject({ outcome: 'rejected', code: 'audience_mismatch' });
    expect(JSON.stringify(trace)).not.toContain(foreign.split('.')[2]);
    expect(await inspected('no token at all')).toMatchObject({ outcome: 'rejected', code: 'token_malformed' });
  });

  it.each([
    ['no JSON', 'token=x', 'application/json', 400, 'malformed_json'],
    ['nothing', '', 'application/json', 400, 'malformed_json'],
    ['a form', '{"token":"x"}', 'text/plain', 415, 'unsupported_media_type'],
    ['no token', '{}', 'application/json', 400, 'validation_failed'],
    ['an empty one', '{"token":" "}', 'application/json', 400, 'validation_failed'],
    ['a token that is no text', '{"token":1}', 'application/json', 400, 'validation_failed'],
    ['more members', '{"token":"x","key":"y"}', 'application/json', 400, 'validation_failed'],
    ['more than 16 KiB', JSON.stringify({ token: 'x'.repeat(16 * 1024) }), 'application/json', 413, 'body_too_large'],
  ])('refuses %s', async (_what, body, type, status, code) => {
    const answer = await post(body, type);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  });

  it('leaves nothing of the token in the log, in an answer that is no trace, or anywhere else', async () => {
    const token = await demo.token({ sub: 'somebody-else' });
    const answers = await Promise.all([
      post(JSON.stringify({ token })),
      post(`{"token":"${token}`),
      post(JSON.stringify({ token, more: token })),
      post(JSON.stringify({ [token]: 1 })),
      post(JSON.stringify({ token }), 'text/plain'),
    ]);
    const [trace, ...refusals] = await Promise.all(answers.map((answer) => answer.text()));
    expect(trace).toContain('somebody-else');
    await until(() => demo.lines.filter((line) => line.includes(PATH)).length >= posted);
    const parts = token.split('.').map((part) => part.slice(0, 30));
    for (const part of parts.slice(1)) {
      expect(refusals.join('')).not.toContain(part);
      expect(demo.lines.join('')).not.toContain(part);
    }
    expect(demo.lines.join('')).not.toContain('somebody-else');
  });

  it('is for operators alone outside of the demo', async () => {
    const token = await gateway.token();
    expect((await asOperator(token, { scope: 'documents:read' })).status).toBe(403);
    const answer = await asOperator(token, { sub: 'operator-1' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ outcome: 'accepted' });
  });

  it('is done for each of them ten times a minute, and counted for nobody else', async () => {
    const token = await gateway.token();
    const operator = { sub: 'operator-2' };
    for (let i = 0; i < LIMIT; i++) expect((await asOperator(token, operator)).status).toBe(200);
    const refused = await asOperator(token, operator);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited' });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect((await asOperator(token, { sub: 'operator-3' })).status).toBe(200);
  });

  it('is not counted in the demo', async () => {
    const token = await demo.token();
    for (let i = 0; i <= LIMIT; i++) expect(await inspected(token)).toMatchObject({ outcome: 'accepted' });
  });
});
