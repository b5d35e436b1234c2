import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectRabbitMq } from 'amqplib';
import Redis from 'ioredis';
import { execFileSync } from 'node:child_process';
import { startNats } from './nats-server';
import { startRabbitMq } from './rabbitmq-server';
import { startRedis } from './redis-server';
import { type TestServer } from './server-process';

/** Speaks to the server with its own client. */
const CLIENTS: readonly [name: string, start: () => Promise<TestServer>, speak: (url: string) => Promise<unknown>][] = [
  [
    'Redis',
    startRedis,
    async (url) => {
      const client = new Redis(url);
      try {
        return await client.ping();
      } finally {
        client.disconnect();
      }
    },
  ],
  [
    'NATS',
    startNats,
    async (url) => {
      const client = await connectNats({ servers: [url] });
      const rtt = await client.rtt();
      await client.close();
      return rtt >= 0 && 'PONG';
    },
  ],
  [
    'RabbitMQ',
    startRabbitMq,
    async (url) => {
      const client = await connectRabbitMq(url);
      const channel = await client.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      channel.sendToQueue(queue, Buffer.from('PONG'));
      const message = await channel.get(queue, { noAck: true });
      await client.close();
      return message ? message.content.toString() : undefined;
    },
  ],
];

/** The processes that are there because of this one. */
function descendants(): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/));
  const under = (parent: string): string[] =>
    processes.filter(([, ppid]) => ppid === parent).flatMap(([pid = '', , command = '']) => [command, ...under(pid)]);
  return under(String(process.pid)).filter((command) => command !== 'ps');
}

it.each(CLIENTS)(
  '%s runs for a test, and leaves no process behind',
  async (_name, start, speak) => {
    const before = descendants();
    const server = await start();
    try {
      expect(await speak(server.url)).toBe('PONG');
      expect(descendants().length).toBeGreaterThan(before.length);
    } finally {
      await server.stop();
    }
    expect(descendants()).toEqual(before);
  },
  90_000,
);
