import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pinned, type Place } from './cores';
import { type Bench } from './part';
import { environment, type Entry } from './rounds';

/** What a worker can be asked for, by name, one at a time; `close`, if there is one, is asked for at the end. Arguments and results are plain data. */
export type Tasks = Readonly<Record<string, (argument: never) => unknown>>;

/** What a module with workers exports, by any name. `setting` is plain data. */
export type OpenWorker<Setting> = (setting: Setting) => Promise<Tasks> | Tasks;

export interface WorkerRequest {
  readonly task: string;
  readonly argument: unknown;
}
export type WorkerAnswer = { readonly result?: unknown } | { readonly error: string };

const LIMIT_MS = 600_000;

/** A process of its own that does what it is asked for, where it isn't one operation that is timed, as a `Contender`'s. */
export class Worker<Offered extends Tasks> {
  private constructor(
    private readonly label: string,
    private readonly child: ChildProcess,
  ) {}

  static async start<Offered extends Tasks>(
    { node }: Bench,
    { label, module, name, setting }: Entry,
    place: Place,
  ): Promise<Worker<Offered>> {
    const dist = resolve(__dirname, '..');
    const args = [resolve(dist, 'harness/worker-process.js'), resolve(dist, module), name, JSON.stringify(setting)];
    const [command, words] = pinned(place, node, args);
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: environment() });
    const worker = new Worker<Offered>(label, child);
    try {
      await worker.#answer();
    } catch (error) {
      await worker.stop();
      throw error;
    }
    return worker;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ask<Name extends keyof Offered & string>(
    task: Name,
    argument: Parameters<Offered[Name]>[0],
  ): Promise<Awaited<ReturnType<Offered[Name]>>> {
    this.child.send({ task, argument });
    return (await this.#answer()) as Awaited<ReturnType<Offered[Name]>>;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    // 'close' doesn't come where the parent is the one that disconnects.
    const ended = once(this.child, 'exit');
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }

  async #answer(): Promise<unknown> {
    const [given, stopGiving] = [new AbortController(), AbortSignal.timeout(LIMIT_MS)];
    const signal = AbortSignal.any([given.signal, stopGiving]);
    const ended = once(this.child, 'exit', { signal }).then((): never => {
      throw new Error(`${this.label} has ended`);
    });
    try {
      const [answer] = (await Promise.race([once(this.child, 'message', { signal }), ended])) as [WorkerAnswer];
      if ('error' in answer) throw new Error(`${this.label}: ${answer.error}`);
      return answer.result;
    } finally {
      ended.catch(() => undefined);
      given.abort();
    }
  }
}
