import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pinned } from '../harness/cores';
import { type Bench } from '../harness/part';
import { environment } from '../harness/rounds';
import { stopped } from '../harness/served';
import { type Accounts } from './accounts';

const MAIN = resolve(__dirname, '../../../apps/auth/dist/main.js');
const START_LIMIT_MS = 60_000;

/** The built auth, in production mode, as it is started outside of benchmarks too, on the measured core. */
export class AuthProcess {
  private constructor(
    readonly label: string,
    /** `http://127.0.0.1:port` */
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param redisUrl where its state is; in its memory if there is none */
  static async start({ node }: Bench, label: string, accounts: Accounts, redisUrl?: string): Promise<AuthProcess> {
    const state: Record<string, string> =
      redisUrl === undefined
        ? { SINGLE_AUTH: '1' }
        : { REDIS_URL: redisUrl, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    const [command, words] = pinned('measured', node, [MAIN]);
    const child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...environment(),
        HOST: '127.0.0.1',
        PORT: '0',
        DRAIN_SECONDS: '0',
        ...accounts.environment,
        ...state,
      },
    });
    try {
      return new AuthProcess(label, await listening(label, child), child);
    } catch (error) {
      await stopped(child);
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  stop(): Promise<void> {
    return stopped(this.child);
  }
}

/** Until it says where it listens. Its log is read on, so that it never has to wait for a reader. */
async function listening(label: string, child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error(`${label} has no output`);
  const lines = createInterface({ input: child.stdout });
  const said: string[] = [];
  const found = new Promise<string>((settle) => {
    lines.on('line', (line) => {
      if (said.length < 20) said.push(line);
      if (line.includes('"msg":"listening"')) settle((JSON.parse(line) as { http: string }).http);
    });
  });
  const ended = once(child, 'close', { signal: AbortSignal.timeout(START_LIMIT_MS) });
  const failed = ended.then((): never => {
    throw new Error(`${label} has ended before it listened: ${said.join('\n')}`);
  });
  failed.catch(() => undefined);
  return Promise.race([found, failed]);
}
