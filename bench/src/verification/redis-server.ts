import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { pinned } from '../harness/cores';
import { environment } from '../harness/rounds';
import { stopped } from '../harness/served';

export interface RunningRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A Redis of its own on 127.0.0.1 that saves nothing, away from the core of what is measured.
 *
 * @returns `undefined` where there is no redis-server
 */
export async function startRedis(): Promise<RunningRedis | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const port = await freePort();
  const parameters = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const [command, words] = pinned('around', 'redis-server', parameters);
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], env: environment() });
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('Ready to accept connections') && resolve());
    child.once('error', reject).once('close', () => reject(new Error('redis-server has ended before it was ready')));
  });
  return { url: `redis://127.0.0.1:${port}`, stop: () => stopped(child) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
