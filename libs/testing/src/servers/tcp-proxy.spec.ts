import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { TcpProxy } from './tcp-proxy';

/** Answers with its name and what was said; hangs up when that is `bye`. */
async function echo(name: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (chunk.toString() === 'bye') socket.end();
      else socket.write(`${name}:${chunk.toString()}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function client(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

async function ask(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

describe('a proxy', () => {
  let servers: [Server, Server];
  let proxy: TcpProxy;

  beforeEach(async () => {
    servers = [await echo('a'), await echo('b')];
    proxy = await TcpProxy.start(portOf(servers[0]));
  });
  afterEach(async () => {
    await proxy.stop();
    for (const server of servers) if (server.listening) await once(server.close(), 'close');
  });

  it('passes on what is said, both ways, and keeps it if it is to', async () => {
    expect(await ask(await client(proxy), 'unheard')).toBe('a:unheard');
    proxy.overhear();
    expect(await ask(await client(proxy), 'hello')).toBe('a:hello');
    expect(proxy.overheard).toEqual([{ asked: 'hello', answered: 'a:hello' }]);
  });

  it('leads new connections to one server after the other, past one that is gone', async () => {
    proxy.leadTo(...servers.map(portOf));
    const names = async () => [await ask(await client(proxy), '1'), await ask(await client(proxy), '1')].sort();
    expect(await names()).toEqual(['a:1', 'b:1']);
    proxy.drop();
    await once(servers[0].close(), 'close');
    expect(await names()).toEqual(['b:1', 'b:1']);
  });

  it('cuts connections, and takes none until it is restored', async () => {
    const before = await client(proxy);
    expect(await ask(before, '1')).toBe('a:1');
    const ended = closed(before);
    proxy.cut();
    await ended;
    await closed(connect(proxy.port, '127.0.0.1').on('error', () => undefined));
    proxy.restore();
    expect(await ask(await client(proxy), '2')).toBe('a:2');
  });

  it('swallows everything while it is silent, and lets go of it afterwards', async () => {
    const before = await client(proxy);
    expect(await ask(before, '1')).toBe('a:1');
    proxy.silence();
    const during = await client(proxy);
    const answers = Promise.all([ask(before, '2'), ask(during, '3')]);
    const soon = new Promise((resolve) => setTimeout(resolve, 100, 'silence'));
    expect(await Promise.race([answers, soon])).toBe('silence');
    proxy.restore();
    expect(await answers).toEqual(['a:2', 'a:3']);
  });

  it('is as slow as it is told, and keeps the order', async () => {
    const socket = await client(proxy);
    proxy.answerDelayMs = 100;
    const sent = performance.now();
    expect(await ask(socket, '1')).toBe('a:1');
    expect(performance.now() - sent).toBeGreaterThan(95);
    const slow = ask(socket, '2');
    await new Promise((resolve) => setTimeout(resolve, 20));
    proxy.answerDelayMs = 0;
    socket.write('3');
    expect(await slow).toMatch(/^a:2/);
  });

  it('ends a connection when its server does', async () => {
    const socket = await client(proxy);
    expect(await ask(socket, '1')).toBe('a:1');
    const ended = closed(socket);
    socket.resume().write('bye');
    await ended;
  });
});
