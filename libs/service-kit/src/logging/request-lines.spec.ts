import { type Principal, type RelayContext } from '@token-relay/jwt-guard';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLogger, requestLinesOf } from '../logger';
import { callFields } from './call-fields';
import { type RequestLine } from './request-lines';

const KNOWN = 'the-own-secret-of-it';
const LINE: RequestLine = { method: 'GET', path: '/a', route: '/a', status: 200, code: undefined, ms: 1.2 };

function capture() {
  const written: string[] = [];
  const config = { LOG_LEVEL: 'info', LOG_FORMAT: 'json', OWN_SECRET: KNOWN } as const;
  const logger = createLogger('gateway', config, { write: (line: string) => void written.push(line) });
  const lines = requestLinesOf(logger);
  if (!lines) throw new Error('this logger writes them itself');
  return { logger, lines, written };
}

function context(principal?: Partial<Principal>, transactionId = '0f8b9c1e-7d3a-4c5b-8e9f-0a1b2c3d4e5f'): RelayContext {
  return {
    principal: principal && ({ actor: [], ...principal } as unknown as Principal),
    transactionId,
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
  } as RelayContext;
}

const withoutTime = (line: string): string =>
  line.replace(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/, '"time":""');

describe('lines of requests', () => {
  it.each<[string, Partial<RequestLine>, RelayContext | undefined]>([
    ['a plain one', {}, context({ subject: 'u', clientId: 'gateway' })],
    ['for a subject with an actor', {}, context({ subject: 'u', actor: ['resource', 'gateway'] })],
    ['for a subject that needs quoting', {}, context({ subject: 'a "b"\n', clientId: '\\' })],
    ['for nobody', {}, context()],
    ['outside of a call', {}, undefined],
    ['of a transaction that somebody else has named', {}, context(undefined, 'rt_abcdefghijklmnopq')],
    ['without a route', { route: undefined, status: 404, code: 'route_not_found' }, undefined],
    ['without an answer', { status: undefined, code: 'client_gone' }, undefined],
    ['of a path that needs quoting', { path: '/a"b\\c\u0001\u2028é' }, undefined],
    ['of a path with a token', { path: '/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln' }, undefined],
    ['of a path with a refresh token', { path: '/x/rt_abcdefghijklmnop' }, undefined],
    ['of a path with a named secret', { path: '/a;access_token=hunter2;cookie:x' }, undefined],
    ['of a path with a key', { path: '/-----BEGIN1PRIVATE1KEY-----abc' }, undefined],
    ['of a path with what the service knows', { path: `/x/${KNOWN}/y` }, context({ subject: KNOWN })],
    ['of a path that is cut off', { path: `/${'x'.repeat(3_000)}` }, undefined],
    ['of a path that is cut off in a secret', { path: `/${'/'.repeat(2_040)}rt_abcdefghijklmnopq` }, undefined],
  ])('are those that the logger would write: %s', (_what, changed, call) => {
    const { logger, lines, written } = capture();
    const line = { ...LINE, ...changed };
    logger.info({ ...callFields(call), ...line }, 'request');
    lines.add(line, call);
    lines.flush();
    const [byLogger = '', own = ''] = written;
    expect(withoutTime(own)).toBe(withoutTime(byLogger));
    expect(own).toMatch(/^\{[^\n]*\}\n$/);
    expect(JSON.parse(own)).toMatchObject({ service: 'gateway', msg: 'request' });
  });

  it('are written at once when the turn is over, and not before', async () => {
    const { lines, written } = capture();
    lines.add(LINE, undefined);
    lines.add(LINE, undefined);
    expect(written).toEqual([]);
    await nextTurn();
    expect(written).toHaveLength(1);
    expect(written[0]?.trimEnd().split('\n')).toHaveLength(2);
    await nextTurn();
    expect(written).toHaveLength(1);
  });

  it('come before any other line that was written after them', () => {
    const { logger, lines, written } = capture();
    lines.add(LINE, undefined);
    logger.warn('other');
    expect(written.map((text) => (JSON.parse(text) as { msg: string }).msg)).toEqual(['request', 'other']);
  });

  it('do not wait when there are many', () => {
    const { lines, written } = capture();
    const path = `/${'x'.repeat(2_000)}`;
    for (let i = 0; i < 40; i++) lines.add({ ...LINE, path }, undefined);
    expect(written).toHaveLength(1);
    lines.flush();
    expect(written.join('').trimEnd().split('\n')).toHaveLength(40);
  });

  it('are left to a logger that writes for the eye, and to one that writes none', () => {
    const destination = new Writable({ write: (_line, _encoding, done) => done() });
    expect(requestLinesOf(createLogger('a', { LOG_LEVEL: 'info', LOG_FORMAT: 'pretty' }, destination))).toBeUndefined();
    expect(requestLinesOf(createLogger('a', { LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, destination))).toBeUndefined();
  });
});
