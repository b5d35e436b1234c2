import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { streamBodies, takeBody } from './streamed-bodies';

describe('bodies that are left to whoever wants them', () => {
  let instance: FastifyInstance;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    instance = fastify();
    streamBodies(instance);
    instance.post('/taken', async (request, reply) => {
      let length = 0;
      for await (const chunk of takeBody(request, reply)) length += (chunk as Buffer).length;
      return String(length);
    });
    instance.post('/left', () => 'left');
    await instance.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await instance.close();
  });

  /** A connection, and what has come by it. */
  function open(text: string) {
    const { port } = instance.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    sockets.push(socket);
    const connection = { socket, received: '', closed: once(socket, 'close') };
    socket.on('error', () => undefined).on('data', (chunk) => (connection.received += String(chunk)));
    return connection;
  }
  const head = (path: string, ...lines: string[]) =>
    [`POST ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n');

  it('are of any type and size', async () => {
    const answer = await fetch(`http://127.0.0.1:${(instance.server.address() as AddressInfo).port}/taken`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: 'x'.repeat(3 * 1024 * 1024),
    });
    expect(await answer.text()).toBe(String(3 * 1024 * 1024));
  });

  it('are asked for when they are taken, by whoever waits for that', async () => {
    const connection = open(head('/taken', 'Expect: 100-continue', 'Content-Length: 2', 'Connection: close'));
    await once(connection.socket, 'data');
    expect(connection.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    connection.socket.write('xy');
    await connection.closed;
    expect(connection.received).toMatch(/\r\n\r\n2$/);
  });

  it('are not when nobody takes them, and the connection ends', async () => {
    const connection = open(head('/left', 'Expect: 100-continue', 'Content-Length: 2'));
    await connection.closed;
    expect(connection.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(connection.received).toMatch(/connection: close/i);
  });

  it('do not keep a connection for as long as their client likes, once there is an answer', async () => {
    const connection = open(head('/left', 'Content-Length: 1000000') + 'x');
    const begun = performance.now();
    await connection.closed;
    expect(connection.received).toMatch(/left$/);
    expect(performance.now() - begun).toBeGreaterThan(1_500);
  });

  it('leave the connection to the next request when they end soon', async () => {
    const connection = open(head('/left', 'Content-Length: 2') + 'x');
    await once(connection.socket, 'data');
    connection.socket.write(`y${head('/taken', 'Content-Length: 1', 'Connection: close')}z`);
    await connection.closed;
    expect(connection.received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});
