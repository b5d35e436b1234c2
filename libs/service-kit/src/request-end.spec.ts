import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { onRequestEnd } from './request-end';

describe('the end of a request', () => {
  let instance: FastifyInstance;
  let ends: string[];
  let waiting: FastifyReply[];
  let port: number;

  beforeEach(async () => {
    [ends, waiting] = [[], []];
    instance = fastify();
    onRequestEnd(instance, ({ request: { url }, end }) => void ends.push(`${url} ${end}`));
    instance.addHook('onRequest', (request, reply, done) => {
      if (request.url === '/refused') void reply.status(400).send();
      else done();
    });
    instance.get('/quick', () => 'quick');
    instance.get('/waits', (_request, reply) => void waiting.push(reply));
    for (const [name, type] of Object.entries({
      events: 'text/event-stream',
      pieces: 'application/x-ndjson',
      text: '',
    })) {
      instance.get(`/${name}`, (_request, reply) => {
        const body = new Readable({ read: () => undefined });
        body.push('one\n');
        return reply.header('content-type', type || 'text/plain').send(body);
      });
    }
    instance.get('/switches', (_request, reply) => {
      reply.hijack();
      waiting.push(reply);
      reply.raw.statusCode = 101;
      reply.raw.detachSocket(reply.raw.socket as Socket);
      reply.raw.emit('close');
    });
    await instance.listen({ port: 0, host: '127.0.0.1' });
    port = (instance.server.address() as { port: number }).port;
  });
  afterEach(() => {
    instance.server.closeAllConnections();
    return instance.close();
  });

  const send = (...paths: string[]): Socket => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    return socket;
  };
  const told = async (count: number): Promise<string[]> => {
    while (ends.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
    // For one that would be told of twice.
    await new Promise((resolve) => setTimeout(resolve, 20));
    return ends;
  };
  const arrived = async (count: number): Promise<void> => {
    while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  it.each(['/quick', '/refused', '/nowhere'])('is told once of an answer: %s', async (path) => {
    const socket = send(path);
    await once(socket, 'data');
    socket.destroy();
    expect(await told(1)).toEqual([`${path} answered`]);
  });

  it('is told of each on a connection that is kept', async () => {
    const socket = send('/quick', '/quick', '/quick');
    expect(await told(3)).toEqual(Array(3).fill('/quick answered'));
    socket.destroy();
    await once(socket, 'close');
    expect(await told(3)).toHaveLength(3);
  });

  it('is told once of one that has waited behind another, and whose client hangs up then', async () => {
    const socket = send('/quick', '/waits');
    await Promise.all([once(socket, 'data'), arrived(1)]);
    socket.destroy();
    expect(await told(2)).toEqual(['/quick answered', '/waits client_gone']);
  });

  it.each(['end', 'resetAndDestroy'] as const)(
    'is told of a client that hangs up before its answer: %s',
    async (how) => {
      const socket = send('/waits');
      await arrived(1);
      socket[how]();
      expect(await told(1)).toEqual(['/waits client_gone']);
      // Too late: it changes nothing.
      void waiting[0]?.send('late');
      expect(await told(1)).toEqual(['/waits client_gone']);
    },
  );

  it('is told of those that wait behind another on the connection that breaks off', async () => {
    const socket = send('/waits', '/waits', '/quick');
    await arrived(2);
    socket.resetAndDestroy();
    expect((await told(3)).sort()).toEqual(['/quick client_gone', '/waits client_gone', '/waits client_gone']);
  });

  it('is told of a client that has half an answer', async () => {
    const socket = send('/text');
    await once(socket, 'data');
    socket.destroy();
    expect(await told(1)).toEqual(['/text client_gone']);
  });

  it.each(['/events', '/pieces'])('is that of a stream when its listener leaves: %s', async (path) => {
    const socket = send(path);
    await once(socket, 'data');
    socket.destroy();
    expect(await told(1)).toEqual([`${path} answered`]);
  });

  it('is told of an answer that the service breaks off', async () => {
    send('/waits');
    await arrived(1);
    waiting[0]?.raw.write('half');
    waiting[0]?.raw.destroy();
    expect(await told(1)).toEqual(['/waits broken_off']);
  });

  it('is told of a connection that goes on by another protocol', async () => {
    const socket = send('/switches');
    expect(await told(1)).toEqual(['/switches answered']);
    socket.destroy();
  });

  it('is told to whoever listens later too', async () => {
    const later = jest.fn();
    onRequestEnd(instance, later);
    send('/quick');
    await told(1);
    expect(later).toHaveBeenCalledTimes(1);
  });
});
