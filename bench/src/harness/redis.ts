import Redis from 'ioredis';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pinned, type Place } from './cores';
import { freePort } from './programs';
import { environment } from './rounds';
import { stopped } from './served';

export const REDIS_IS_MISSING = 'There is no redis-server here (Debian: redis-server): what needs one was left out.';

const START_LIMIT_MS = 10_000;

/** A Redis of its own on 127.0.0.1 that saves nothing, on the core that it belongs to. */
export class PlacedRedis {
  readonly #redis: Redis;

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {
    this.#redis = new Redis(url);
  }

  static async start(place: Place): Promise<PlacedRedis> {
    const port = await freePort();
    const parameters = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const [command, words] = pinned(place, 'redis-server', parameters);
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], env: environment() });
    const lines = createInterface(child.stdout);
    const signal = AbortSignal.timeout(START_LIMIT_MS);
    const ready = new Promise<void>((resolve) => {
      lines.on('line', (line) => line.includes('Ready to accept connections') && resolve());
    });
    const ended = once(child, 'close', { signal }).then((): never => {
      throw new Error('redis-server has ended before it was ready');
    });
    ended.catch(() => undefined);
    try {
      await Promise.race([ready, ended]);
    } catch (error) {
      await stopped(child);
      throw error;
    }
    return new PlacedRedis(`redis://127.0.0.1:${port}`, child);
  }

  /** In bytes, as Redis counts them. */
  async usedMemory(): Promise<number> {
    return Number(/used_memory:(\d+)/.exec(await this.#redis.info('memory'))?.[1]);
  }

  /** How many it has done, those of scripts too. */
  async commands(): Promise<number> {
    return Number(/total_commands_processed:(\d+)/.exec(await this.#redis.info('stats'))?.[1]);
  }

  async stop(): Promise<void> {
    this.#redis.disconnect();
    await stopped(this.child);
  }
}
