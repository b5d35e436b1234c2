import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pinned } from './cores';
import { type TurnResult } from './contender-process';
import { type Bench } from './part';

/** Who takes part: an export of a module under `dist`, and what it is opened with. */
export interface Entry<Setting = unknown> {
  /** As it is called in the results; unique among those that are compared. */
  readonly label: string;
  /** The module, from `dist`, as in `verification/peers`. */
  readonly module: string;
  readonly name: string;
  readonly setting: Setting;
}

/** Nanoseconds for each operation, a figure a round: the same index is the same round for all. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

const START_LIMIT_MS = 60_000;

/**
 * Lets all take turns: each in a process of its own, on the same core, one at a time. What it does first – compiling, filling
 * its caches – doesn't count.
 *
 * @param clock `processor`: what it has computed, which a busy machine changes less; of what only computes
 */
export async function interleaved(
  bench: Bench,
  title: string,
  entries: readonly Entry[],
  clock: 'wall' | 'processor' = 'wall',
): Promise<Rounds> {
  const starting = entries.map((entry) => Opened.start(bench, entry));
  const settled = await Promise.allSettled(starting);
  try {
    const opened = await Promise.all(starting);
    for (const one of opened) {
      bench.progress(`${title}: ${one.label} warms up`);
      await one.warmUp(bench.turnMs);
    }
    const rounds = new Map(opened.map(({ label }) => [label, [] as number[]]));
    for (let round = 0; round < bench.rounds; round++) {
      bench.progress(`${title}: round ${round + 1} of ${bench.rounds}`);
      // Another begins each time, so that nobody always follows the same one.
      for (const one of [...opened.slice(round % opened.length), ...opened.slice(0, round % opened.length)])
        rounds.get(one.label)?.push(await one.turn(clock));
    }
    return rounds;
  } finally {
    await Promise.all(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.stop()] : [])));
  }
}

class Opened {
  #count = 1;

  private constructor(
    readonly label: string,
    private readonly child: ChildProcess,
  ) {}

  static async start({ node }: Bench, { label, module, name, setting }: Entry): Promise<Opened> {
    const dist = resolve(__dirname, '..');
    const args = [
      ...STEADY,
      resolve(dist, 'harness/contender-process.js'),
      resolve(dist, module),
      name,
      JSON.stringify(setting),
    ];
    const [command, words] = pinned('measured', node, args);
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: environment() });
    const opened = new Opened(label, child);
    await opened.#answer();
    return opened;
  }

  /** Until it has run for about a turn, which also tells how many operations one is. */
  async warmUp(turnMs: number): Promise<void> {
    const turnNs = turnMs * 1e6;
    let perOperation = 0;
    for (let spent = 0; spent < turnNs;) {
      const { ns } = await this.#run(this.#count);
      spent += Math.max(ns, 1);
      perOperation = ns / this.#count;
      this.#count = Math.max(1, Math.min(this.#count * 4, Math.round(turnNs / perOperation)));
    }
    this.#count = Math.max(1, Math.round(turnNs / perOperation));
  }

  async turn(clock: 'wall' | 'processor'): Promise<number> {
    const { ns, cpuNs } = await this.#run(this.#count);
    return (clock === 'wall' ? ns : cpuNs) / this.#count;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    // Not `close`, which doesn't come where the channel was closed from here.
    const ended = once(this.child, 'exit');
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  }

  async #run(count: number): Promise<{ readonly ns: number; readonly cpuNs: number }> {
    this.child.send({ count });
    const result = (await this.#answer()) as TurnResult;
    if ('error' in result) throw new Error(`${this.label}: ${result.error}`);
    return result;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ended = (): void => settle(() => reject(new Error(`${this.label} has ended`)));
      const told = (message: unknown): void => settle(() => resolve(message));
      const timer = setTimeout(() => settle(() => reject(new Error(`${this.label} doesn't answer`))), START_LIMIT_MS);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.child.off('message', told).off('exit', ended);
        then();
      };
      this.child.once('message', told).once('exit', ended);
    });
  }
}

/**
 * Flags of V8 for every Node that takes turns with others. One that waits for its turn seems to be idle, and V8 uses that to
 * give back memory and, with it, much of what it has compiled: the first ten thousand requests of each turn would take
 * twice as long. Who is asked all the time isn't idle.
 */
export const STEADY: readonly string[] = ['--no-memory-reducer'];

/** Nothing of whoever runs the benchmark changes it. */
export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' };
}
