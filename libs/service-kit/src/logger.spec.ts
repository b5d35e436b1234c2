import { Writable } from 'node:stream';
import { createLogger, NestLogger } from './logger';

describe('createLogger', () => {
  const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';

  function capture(format: 'json' | 'pretty' = 'json') {
    const lines: string[] = [];
    const destination = new Writable({
      decodeStrings: false,
      write: (line: string, _encoding, done) => {
        lines.push(line);
        done();
      },
    });
    const logger = createLogger('test', { LOG_LEVEL: 'info', LOG_FORMAT: format }, destination);
    return { logger, text: () => lines.join('') };
  }

  it('writes a line of JSON with the service and the time', () => {
    const { logger, text } = capture();
    logger.info({ answer: 42 }, 'hello');
    expect(JSON.parse(text())).toMatchObject({ service: 'test', msg: 'hello', answer: 42, level: 30 });
    expect(text()).toMatch(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
  });

  it.each<[string, object, string]>([
    ['in the message', {}, `got ${TOKEN}`],
    ['cut off', {}, `got ${TOKEN.slice(0, 40)}`],
    ['in a member', { anything: TOKEN }, ''],
    ['deep inside', { a: { b: [{ c: `Bearer ${TOKEN}` }] } }, ''],
    ['in an error', { err: new Error(`bad ${TOKEN}`) }, ''],
  ])('lets no token out that is %s', (_where, object, message) => {
    const { logger, text } = capture();
    logger.info(object, message);
    expect(text()).toContain('[token]');
    expect(text()).not.toContain('eyJ');
  });

  it('lets no token out for the eye', () => {
    const { logger, text } = capture('pretty');
    logger.error({ path: `/a/${TOKEN}`, err: new Error(`bad ${TOKEN}`) }, `got ${TOKEN}`);
    expect(text()).toContain('[token]');
    expect(text()).not.toContain('eyJ');
  });

  it('says nothing of the bytes that could not be read', () => {
    const { logger, text } = capture();
    const read = (message: string) =>
      Object.assign(new Error(message), { code: 'HPE_INVALID', data: 'as-sent', rawPacket: Buffer.from('as-sent') });
    const err = Object.assign(read('outer'), { other: read('inner'), errors: [read('one of several')] });
    logger.warn({ err });
    const line = JSON.parse(text()) as { err: object };
    expect(text()).not.toMatch(/as-sent|rawPacket|"data"|97,115/);
    expect(line.err).toMatchObject({
      type: 'Error',
      code: 'HPE_INVALID',
      other: { message: 'inner', code: 'HPE_INVALID' },
      aggregateErrors: [{ message: 'one of several', code: 'HPE_INVALID' }],
    });
    expect(line.err).toHaveProperty('stack');
  });

  it.each([
    [2_048, 2_048],
    [2_049, 2_067],
  ])('cuts off what others send in any length: of %d characters it writes %d', (length, written) => {
    const { logger, text } = capture();
    const long = 'x'.repeat(length);
    logger.info({ path: long, pattern: long });
    new NestLogger(logger).error(`${long.slice(0, -4)}last`, 'Server');
    const [line, ofNest] = text()
      .trim()
      .split('\n')
      .map((part) => JSON.parse(part) as Record<string, string>);
    for (const member of [line?.path, line?.pattern, ofNest?.msg]) expect(member).toHaveLength(written);
  });

  it('cuts no secret in two', () => {
    const { logger, text } = capture();
    logger.info({ path: `${'/'.repeat(2_040)}rt_abcdefghijklmnop${'/'.repeat(20)}` });
    expect(text()).not.toContain('rt_');
  });

  it('does not cut off who may call what', () => {
    const { logger, text } = capture();
    new NestLogger(logger).log('x'.repeat(5_000), 'JwtGuard');
    expect(JSON.parse(text())).toMatchObject({ msg: 'x'.repeat(5_000) });
  });

  describe('for the eye', () => {
    const FORGED = '\n[12:00:00.000] INFO: test forged';
    // eslint-disable-next-line no-control-regex -- they are what may not be there
    const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

    it('escapes what steers a terminal or turns the direction of writing, wherever it stands', () => {
      const { logger, text } = capture('pretty');
      const hostile = `a\u001b[2J\u0007\r\u009b31m\u202e\u2066${FORGED}`;
      const err = new Error(hostile);
      logger.error({ err, path: hostile, [hostile]: 1 }, hostile);
      expect(text()).not.toMatch(STEERS);
      expect(text()).toContain('a\\u001b[2J\\u0007\\r\\u009b31m\\u202e\\u2066\\n[12:00:00.000] INFO');
      expect(text()).not.toMatch(/^\[12:00/m);
      // A stack is still one.
      expect(text()).toMatch(/^ +at .+\n +at /m);
    });

    it('leaves lines that are indented, quotes and backslashes as they are', () => {
      const { logger, text } = capture('pretty');
      logger.info('of "all":\n  one\n  C:\\new\ntwo');
      expect(text()).toMatch(/of "all":\n {2}one\n {2}C:\\new\\ntwo\n$/);
    });
  });

  it('lets out no header or field that holds a secret', () => {
    const { logger, text } = capture();
    logger.info({ password: 'hunter2', headers: { authorization: 'Basic hunter2', cookie: 'hunter2' } });
    expect(text()).not.toContain('hunter2');
  });

  it('passes on what Nest says, and drops what is below the level', () => {
    const { logger, text } = capture();
    const nest = new NestLogger(logger);
    nest.log('chatter', 'Context');
    nest.error(new Error('broken'), 'Context');
    expect(text()).not.toContain('chatter');
    expect(JSON.parse(text())).toMatchObject({ msg: 'broken', context: 'Context', level: 50 });
  });

  it('passes on who may call what, which the guard says at the start', () => {
    const { logger, text } = capture();
    new NestLogger(logger).log('Who may call what', 'JwtGuard');
    expect(JSON.parse(text())).toMatchObject({ msg: 'Who may call what', context: 'JwtGuard', level: 30 });
  });
});
