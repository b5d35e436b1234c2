import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { overhearAnswers, rememberEnvironment, watchForSecrets } from './secrets';

const ROOT = resolve(__dirname, '../..');
const START_LIMIT_MS = 45_000;

/** Those that run. */
const children = new Set<ChildProcess>();
// A start that fails leaves what had been started before it, of which nobody knows any more.
if (typeof afterAll === 'function') {
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });
}

export type AppName = 'auth' | 'gateway' | 'resource' | 'audit';

/** One of the built apps, as a process of its own. What it has written is looked through for secrets when it has ended. */
export class AppProcess {
  /** Everything that it wrote so far, a line each. */
  readonly lines: string[] = [];
  /** Where it listens: empty until it does. */
  readonly addresses: Record<string, string> = {};
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | NodeJS.Signals>;

  private constructor(
    readonly name: AppName,
    environment: Readonly<Record<string, string>>,
  ) {
    // Nothing of the test's own environment but what Node needs: an unset NODE_ENV is production.
    // A test that isn't about it doesn't wait for whoever might still come at the end.
    const env = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', DRAIN_SECONDS: '0', ...environment };
    overhearAnswers();
    rememberEnvironment(environment);
    const main = resolve(ROOT, 'apps', name, 'dist/main.js');
    this.#child = spawn(process.execPath, ['--enable-source-maps', main], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#read(line));
    }
    const lookThrough = watchForSecrets(name, this.lines);
    this.#exited = once(this.#child, 'close').then(([code, signal]) => {
      children.delete(this.#child);
      lookThrough();
      return (code ?? signal) as number | NodeJS.Signals;
    });
    // Whoever waits for its end hears of it; the end of the test file does in any case.
    this.#exited.catch(() => undefined);
  }

  /** Spawns it, and waits for nothing. */
  static spawn(name: AppName, environment: Readonly<Record<string, string>>): AppProcess {
    return new AppProcess(name, environment);
  }

  /** Spawns it, and waits until it listens. */
  static async start(name: AppName, environment: Readonly<Record<string, string>>): Promise<AppProcess> {
    const app = AppProcess.spawn(name, environment);
    await app.listening();
    return app;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get url(): string {
    return this.addresses.http ?? '';
  }

  /** @param limitMs how long that may take; more than usual where much else goes on */
  async listening(limitMs = START_LIMIT_MS): Promise<void> {
    const ended = this.#exited.then((code) => `ended with ${code}`);
    const deadline = performance.now() + limitMs;
    while (this.url === '') {
      const outcome = await Promise.race([ended, sleep(20, undefined)]);
      if (outcome !== undefined || performance.now() > deadline) {
        throw new Error(`${this.name} ${outcome ?? 'does not listen'}:\n${this.lines.join('\n')}`);
      }
    }
  }

  /** Waits until its readiness probe is answered with 200. */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while ((await fetch(`${this.url}/readyz`)).status !== 200) {
      if (performance.now() > deadline) throw new Error(`${this.name} does not get ready:\n${this.lines.join('\n')}`);
      await sleep(20);
    }
  }

  /** Waits until a line with this text has been written: logs come after answers. */
  async wrote(text: string): Promise<string> {
    for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline;) {
      const found = this.lines.find((line) => line.includes(text));
      if (found !== undefined) return found;
      await sleep(10);
    }
    throw new Error(`${this.name} did not write ${text}:\n${this.lines.join('\n')}`);
  }

  /** @returns its exit code, or the signal that ended it */
  exited(): Promise<number | NodeJS.Signals> {
    return this.#exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** @returns its exit code, or the signal that ended it */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#child.kill('SIGTERM');
    return this.#exited;
  }

  #read(line: string): void {
    this.lines.push(line);
    if (!line.includes('"msg":"listening"')) return;
    const { http, rpc, management } = JSON.parse(line) as Record<string, string>;
    Object.assign(this.addresses, { http, rpc, management });
  }
}
