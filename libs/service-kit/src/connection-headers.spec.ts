import fastify, { type FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { ruleConnections, sendWhole } from './connection-headers';

describe('an answer that is sent as a whole', () => {
  let instance: FastifyInstance;
  let answer: Parameters<typeof sendWhole> extends [unknown, ...infer Rest] ? Rest : never;
  let afterwards: string[];

  beforeEach(async () => {
    afterwards = [];
    instance = fastify();
    instance.addHook('onResponse', (request, _reply, done) => {
      afterwards.push(request.url);
      done();
    });
    ruleConnections(instance, ({ request }) => (request.url === '/last' ? { connection: 'close' } : undefined));
    ruleConnections(instance, () => ({ 'keep-alive': 'timeout=7' }));
    instance.get('/*', async (_request, reply) => {
      await Promise.resolve();
      try {
        sendWhole(reply.header('x-own', 'own'), ...answer);
      } catch {
        return reply.status(502).send('refused');
      }
      return reply;
    });
    await instance.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(() => instance.close());

  const get = (path = '/') => fetch(new URL(path, instance.listeningOrigin));

  it.each([1, 255, 16_384, 16_385])('has the bytes of its body, of which there are %d', async (length) => {
    const body = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), randomBytes(17_000)]);
    answer = [200, { 'content-type': 'application/octet-stream' }, body.subarray(0, length)];
    const got = await get();
    expect(got.headers.get('content-length')).toBe(String(length));
    expect(Buffer.from(await got.arrayBuffer()).equals(body.subarray(0, length))).toBe(true);
  });

  it('has its status, its headers, and those that were set before', async () => {
    answer = [418, { 'x-theirs': ['1', '2'] }, Buffer.from('text')];
    const got = await get();
    expect(got.status).toBe(418);
    expect([got.headers.get('x-theirs'), got.headers.get('x-own')]).toEqual(['1, 2', 'own']);
  });

  it('says of its connection what the first rule says that says something', async () => {
    answer = [200, { connection: 'keep-alive' }, Buffer.from('text')];
    expect((await get()).headers.get('keep-alive')).toBe('timeout=7');
    const last = await get('/last');
    expect([last.headers.get('connection'), last.headers.get('keep-alive')]).toEqual(['close', null]);
  });

  it('is followed by what has to be done after an answer', async () => {
    answer = [200, {}, Buffer.from('text')];
    await (await get('/seen')).text();
    await new Promise(setImmediate);
    expect(afterwards).toEqual(['/seen']);
  });

  it('leaves room for another one when its headers can not be sent', async () => {
    answer = [200, { 'x-bad': 'a\nb' }, Buffer.from('text')];
    const got = await get();
    expect([got.status, await got.text(), got.headers.get('x-bad')]).toEqual([502, 'refused', null]);
  });
});
