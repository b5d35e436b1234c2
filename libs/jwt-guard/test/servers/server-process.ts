import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that was started for a test. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

const STOP_LIMIT_MS = 10_000;
const KEPT_OUTPUT = 4_000;

/** A child process that doesn't outlive the test, and knows what it said last. */
export class ServerProcess {
  #output = '';
  #gone = false;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  /** @throws Error naming the Debian package when there is no such command */
  static async start(
    command: string,
    parameters: readonly string[],
    debianPackage: string,
    options: SpawnOptions = {},
  ): Promise<ServerProcess> {
    const started = new ServerProcess(spawn(command, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
    try {
      await once(started.#child, 'spawn');
    } catch (cause) {
      throw new Error(`${command} can not be started; it is in the Debian package ${debianPackage}`, { cause });
    }
    return started;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', resolve)).then(() => (this.#gone = true));
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    void this.#exited.then(() => process.off('exit', kill));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits until it is ready. @throws Error with what the server said last, when it ends or takes too long */
  async until(isReady: () => Promise<boolean>, limitMs: number): Promise<void> {
    const end = Date.now() + limitMs;
    while (!(await isReady())) {
      if (this.#gone || Date.now() > end) {
        await this.stop();
        throw new Error(`the server did not get ready:\n${this.#output}`);
      }
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Ports that nothing listens on; together, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'jwt-guard-servers-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Whether something on that port answers to these bytes with something that begins so. */
export function answers(port: number, bytes: Buffer, beginning: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once('connect', () => socket.write(bytes));
    socket.once('data', (data: Buffer) => done(data.toString('latin1').startsWith(beginning)));
    socket.once('error', () => done(false)).once('close', () => done(false));
  });
}

/** Tries again when somebody else has taken a port in the meantime. */
export async function startOnFreePorts<Server>(
  count: number,
  start: (...ports: number[]) => Promise<Server>,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(...(await freePorts(count)));
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}
