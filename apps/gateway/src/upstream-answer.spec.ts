import { type FastifyReply } from 'fastify';
import { PassThrough } from 'node:stream';
import { passOn, type UpstreamAnswer } from './upstream-answer';

describe('an answer that is passed on', () => {
  let body: PassThrough;
  let failures: unknown[];
  let sent: unknown[];

  beforeEach(() => {
    body = new PassThrough();
    failures = [];
    sent = [];
  });

  const reply = {
    status: () => reply,
    headers: () => reply,
    raw: { setTimeout: () => undefined, once: () => undefined, writableEnded: true, writableLength: 0 },
    request: { method: 'GET' },
    send: (payload: unknown) => {
      sent.push(payload);
      return reply;
    },
  };
  const failed = (cause: unknown): Error => {
    failures.push(cause);
    return new Error('told');
  };
  const pass = (statusCode = 200, sentHeaders: Record<string, string> = {}) => {
    const answer = { statusCode, headers: sentHeaders, body } as unknown as UpstreamAnswer;
    return passOn(reply as unknown as FastifyReply, answer, { headers: {}, idleMs: 1000, failed });
  };
  const closed = () => new Promise((resolve) => body.once('close', resolve));

  it.each([
    ['with a body', 'text'],
    ['without one', ''],
  ])('%s, to its end, is no failure', async (_what, text) => {
    const end = closed();
    body.end(text);
    await pass();
    expect(sent).toEqual([text === '' ? undefined : body]);
    body.resume();
    await end;
    expect(failures).toEqual([]);
  });

  it('and is a stream is one, with all of it', async () => {
    body.write('te');
    await pass();
    expect(sent).toEqual([body]);
    body.end('xt');
    expect(Buffer.concat((await body.toArray()) as Buffer[]).toString()).toBe('text');
  });

  it('and breaks off while it is looked at is one failure', async () => {
    body.write('text');
    const passing = pass();
    body.destroy(new Error('gone'));
    await expect(passing).rejects.toThrow('told');
    expect(failures).toEqual([new Error('gone')]);
    expect(sent).toEqual([]);
  });

  it('and breaks off before its first byte is one failure', async () => {
    const passing = pass();
    body.destroy(new Error('gone'));
    await expect(passing).rejects.toThrow('told');
    expect(failures).toEqual([new Error('gone')]);
    expect(sent).toEqual([]);
  });

  it('and is closed before its first byte is one failure', async () => {
    const passing = pass();
    body.destroy();
    await expect(passing).rejects.toThrow('told');
    expect(failures).toEqual([new Error('closed')]);
  });

  it('and breaks off after that is nobody’s any more', async () => {
    const end = closed();
    body.write('some');
    await pass();
    body.destroy(new Error('gone'));
    await end;
    expect(failures).toEqual([]);
  });
});
