import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectRabbitMq } from 'amqplib';
import Redis from 'ioredis';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { NATS, startNats } from './nats-server';
import { RABBITMQ, startRabbitMq } from './rabbitmq-server';
import { REDIS, startRedis } from './redis-server';
import { describeWith, onFreePort, type ServerCommand, ServerProcess, type TestServer } from './server-process';

beforeEach(() => {
  for (const { variable } of [REDIS, NATS, RABBITMQ]) delete process.env[variable];
});

interface Process {
  readonly pid: string;
  readonly parent: string;
  readonly state: string;
}

/** Those that run. One that has ended, and waits for its parent to notice, doesn't. */
function running(): Process[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,state='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .map(([pid = '', parent = '', state = '']) => ({ pid, parent, state }))
    .filter(({ state }) => state !== 'Z');
}

/** The processes that are there because of this one; that also tells of `ps`, which is gone the next time. */
function descendants(): string[] {
  const all = running();
  const under = (ancestor: string): string[] =>
    all.filter(({ parent }) => parent === ancestor).flatMap(({ pid }) => [pid, ...under(pid)]);
  return under(String(process.pid));
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function speakRedis(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    return await client.echo('hello');
  } finally {
    client.disconnect();
  }
}

async function speakNats(url: string): Promise<string> {
  const client = await connectNats({ servers: url });
  try {
    client.subscribe('greeting', { callback: (_error, message) => void message.respond(message.data) });
    return (await client.request('greeting', 'hello')).string();
  } finally {
    await client.close();
  }
}

async function speakRabbitMq(url: string): Promise<string | undefined> {
  const client = await connectRabbitMq(url);
  try {
    const channel = await client.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.from('hello'));
    await channel.waitForConfirms();
    const message = await channel.get(queue, { noAck: true });
    return message ? message.content.toString() : undefined;
  } finally {
    await client.close();
  }
}

const SERVERS: readonly [
  command: ServerCommand,
  start: () => Promise<TestServer>,
  speak: (url: string) => Promise<string | undefined>,
][] = [
  [REDIS, startRedis, speakRedis],
  [NATS, startNats, speakNats],
  [RABBITMQ, startRabbitMq, speakRabbitMq],
];

for (const [command, start, speak] of SERVERS) {
  describeWith(command)(command.name, () => {
    it('answers its client, next to another, and leaves nothing behind', async () => {
      const before = descendants();
      const servers = await Promise.all([start(), start()]);
      const started = descendants();
      try {
        expect(servers[0].port).not.toBe(servers[1].port);
        expect(await Promise.all(servers.map(({ url }) => speak(url)))).toEqual(['hello', 'hello']);
        expect(started.length).toBeGreaterThanOrEqual(before.length + servers.length);
        process.env[command.variable] = servers[0].url;
        const given = await start();
        expect(given).toMatchObject({ url: servers[0].url, port: servers[0].port });
        await given.stop();
        expect(await speak(given.url)).toBe('hello');
      } finally {
        await Promise.all(servers.map((server) => server.stop()));
      }
      const left = running().filter(({ pid }) => started.includes(pid) && !before.includes(pid));
      expect(left).toEqual([]);
      expect(await Promise.all(servers.map(({ port }) => isOpen(port)))).toEqual([false, false]);
      expect(readdirSync(tmpdir()).filter((name) => name.includes(`-server-${process.pid}-`))).toEqual([]);
    }, 90_000);
  });
}

describeWith(REDIS)('a server that does not start', () => {
  it('is missing: what to install is said', () => {
    const missing = { name: 'no-such-server', debianPackage: 'no-such-package', variable: 'NO_SUCH_URL' };
    expect(() => ServerProcess.start(missing, () => ({}))).toThrow('it is in the Debian package no-such-package');
  });

  it('ends: what it said last is said', async () => {
    const server = ServerProcess.start(REDIS, () => ({ parameters: ['--no-such-setting', 'yes'] }));
    await expect(server.until(/Ready/, 10_000)).rejects.toThrow(/^redis-server has ended:[^]*no-such-setting/);
  });

  it('takes too long: it is stopped', async () => {
    const server = ServerProcess.start(REDIS, () => ({ parameters: ['--port', '0', '--unixsocket', 'socket'] }));
    await expect(server.until(/never said/, 100)).rejects.toThrow('redis-server is not ready after 0.1 s');
    expect(running().filter(({ pid }) => pid === String(server.pid))).toEqual([]);
  });

  it('finds its port taken: it gets another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: taken } = other.address() as { port: number };
    const ports: number[] = [];
    await onFreePort(async (free) => {
      const port = ports.length === 0 ? taken : free;
      ports.push(port);
      const server = ServerProcess.start(REDIS, () => ({
        parameters: ['--port', String(port), '--bind', '127.0.0.1'],
      }));
      await server.until(/Ready to accept/, 10_000);
      await server.stop();
    });
    expect(ports).toHaveLength(2);
    other.close();
  });
});
