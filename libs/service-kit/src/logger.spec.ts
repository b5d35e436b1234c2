import { createLogger, NestLogger } from './logger';

describe('createLogger', () => {
  const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';

  function capture(format: 'json' | 'pretty' = 'json') {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
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
