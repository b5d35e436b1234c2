import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A server that a test can speak to. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Once it has ended nothing is left: no process, no file. */
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly name: string;
  /** What to install where it is missing. */
  readonly debianPackage: string;
  /** Folders that come before those of the PATH. */
  readonly folders?: readonly string[];
  /** The variable that names a server to use in the place of one that is started. */
  readonly variable: string;
}

/** `describe`, where the server can be had; in the gate, where nothing is skipped, .ci/run has installed it. */
export function describeWith({ name, folders, variable }: ServerCommand): jest.Describe {
  const canBeHad = process.env[variable] !== undefined || find(name, folders) !== undefined;
  return canBeHad || process.env.CI !== undefined ? describe : describe.skip;
}

export interface ServerSettings {
  readonly parameters?: readonly string[];
  /** All of its environment but for PATH, HOME and LANG: what is set here for another server is not for this one. */
  readonly environment?: Readonly<Record<string, string>>;
}

const ATTEMPTS = 5;
const STOP_LIMIT_MS = 10_000;
const KEPT_OUTPUT = 4_000;
/** Debian keeps servers where only an administrator's PATH leads. */
const PATH = [process.env.PATH ?? '/usr/bin:/bin', '/usr/sbin'].join(delimiter);

function find(name: string, folders: readonly string[] = []): string | undefined {
  return [...folders, ...PATH.split(delimiter)]
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A child process with a temporary folder of its own, in which it runs and which is its HOME. */
export class ServerProcess {
  readonly #name: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  /** Comes when nobody writes to its output any more, so that its own children are gone as well. */
  readonly #closed: Promise<unknown>;
  #output = '';
  #heard = (): void => undefined;

  /** @throws Error naming the Debian package when there is no such command */
  static start(command: ServerCommand, settings: (folder: string) => ServerSettings): ServerProcess {
    const path = find(command.name, command.folders);
    if (path === undefined) {
      throw new Error(`there is no ${command.name} here; it is in the Debian package ${command.debianPackage}`);
    }
    const folder = mkdtempSync(join(tmpdir(), `${command.name}-${process.pid}-`));
    return new ServerProcess(command.name, path, folder, settings(folder));
  }

  private constructor(name: string, path: string, folder: string, settings: ServerSettings) {
    this.#name = name;
    this.#folder = folder;
    // Jest's process emits no 'exit', and nobody's does when it is killed: the kernel has to end the server with us.
    const setpriv = find('setpriv');
    const [file = path, ...before] = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--', path];
    this.#child = spawn(file, [...before, ...(settings.parameters ?? [])], {
      cwd: folder,
      env: { PATH, HOME: folder, LANG: 'C.UTF-8', ...settings.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.once('error', (error) => (this.#output += error.message));
    for (const stream of [this.#child.stdout, this.#child.stderr] as (Socket | null)[]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = this.#output.slice(-KEPT_OUTPUT) + text;
        this.#heard();
      });
      // A test that forgets to stop it must not wait for it.
      stream?.unref();
    }
    this.#child.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Waits until the server has said so: that can be nobody else's answer on the same port.
   * @throws Error with what it said last, after stopping it, when it ends or takes too long
   */
  async until(pattern: RegExp, limitMs: number): Promise<RegExpExecArray> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const fail = (reason: string): void => reject(new Error(`${this.#name} ${reason}:\n${this.#output.trim()}`));
        timer = setTimeout(() => fail(`is not ready after ${limitMs / 1_000} s`), limitMs);
        this.#heard = () => {
          const found = pattern.exec(this.#output);
          if (found) resolve(found);
        };
        this.#heard();
        void this.#closed.then(() => fail('has ended'));
      });
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#heard = () => undefined;
    }
  }

  /** As SIGSTOP, which freezes it, and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** At once: whatever it would put in order is thrown away. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name} has left a process behind`)), STOP_LIMIT_MS);
    });
    try {
      await Promise.race([this.#closed, late]);
    } finally {
      clearTimeout(timer);
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

/** Tries again when somebody else takes the port before the server does. */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await once(probe.close(), 'close');
    try {
      return await start(port);
    } catch (error) {
      if (attempt === ATTEMPTS || !/address already in use|eaddrinuse/i.test(String(error))) throw error;
    }
  }
}

/** The server that is somebody else's, if a variable of the environment names one. */
export function givenServer(variable: string, defaultPort: number): TestServer | undefined {
  const url = process.env[variable];
  if (!url) return undefined;
  return { url, port: Number(new URL(url).port) || defaultPort, stop: () => Promise.resolve() };
}
