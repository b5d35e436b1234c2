import { spawnSync } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';

/** Where the built apps are. */
export const APPS = resolve(__dirname, '../../../apps');

/** Whether there is a redis-server here. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
