import { ServiceTls, StoreUnavailable } from '@token-relay/service-kit';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadStateConfig } from '../auth.config';
import { type AuthState, openState } from '../auth-state';
import { reasonOf } from '../reason-of';
import { KEY_ALGORITHMS, type Ring, RotationPending, UnknownKey } from './key-ring';
import { reportOf } from './ring-report';

export interface KeysCommandIo {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

const USAGE = `Usage: keys <command>

  list
  rotate [--alg ${KEY_ALGORITHMS.join('|')}] [--reason <text>]
  compromise <kid> --reason <text>
  compromise --all --reason <text>

Works on the keys in Redis themselves, without a token and past a running auth, which follows within a second: with the
ISSUER, REDIS_URL, KEY_ENCRYPTION_KEY and, if it has those, TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE, REDIS_CA_FILE,
JWKS_MAX_AGE_SECONDS and LATE_HANDLING_SECONDS of auth in the environment. What is done is recorded in the ring, and logged by nobody else. A key that is compromised is refused everywhere at once, with whatever it has signed.

Exit code: 0 done, 1 refused, 2 not understood.
`;

const OPTIONS = {
  alg: { type: 'string' },
  all: { type: 'boolean' },
  reason: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

class UsageError extends Error {}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
interface Work {
  readonly changes: boolean;
  readonly run: (state: AuthState) => Promise<Ring>;
}

const ANNOUNCE_MS = 5_000;

/** @returns the exit code */
export async function keysCommand(args: readonly string[], io: KeysCommandIo): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help || positionals.length === 0) {
      (values.help ? io.write : io.warn)(USAGE);
      return values.help ? 0 : 2;
    }
    const ring = await onState(workOf(positionals, values), io);
    io.write(`${JSON.stringify(reportOf(ring), null, 2)}\n`);
    return 0;
  } catch (error) {
    io.warn(`keys: ${messageOf(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function workOf([command = '', kid, ...others]: readonly string[], { alg, all, reason }: Values): Work {
  const by = `break-glass: ${operator()}`;
  if (others.length > 0) throw new UsageError('too many words');
  switch (command) {
    case 'list':
      return { changes: false, run: ({ keys }) => Promise.resolve(keys.ring) };
    case 'rotate': {
      const algorithm = KEY_ALGORITHMS.find((name) => name === alg);
      if (alg !== undefined && algorithm === undefined) {
        throw new UsageError(`--alg must be one of ${KEY_ALGORITHMS.join(', ')}`);
      }
      return { changes: true, run: ({ keys }) => keys.rotate(by, algorithm, reason) };
    }
    case 'compromise':
      if (reason === undefined || reason.trim() === '') throw new UsageError('--reason must say why');
      if ((kid === undefined) === (all !== true)) throw new UsageError('name one key, or --all');
      return {
        changes: true,
        run: ({ keys }) => (kid === undefined ? keys.compromiseAll(by, reason) : keys.compromise(kid, by, reason)),
      };
    default:
      throw new UsageError('the commands are: list, rotate, compromise');
  }
}

/** Opens the state that auth has in Redis, and closes it again. */
async function onState(work: Work, { environment }: KeysCommandIo): Promise<Ring> {
  const config = loadStateConfig(environment);
  // What matters of it comes back as an error.
  const quiet = { info: () => undefined, warn: () => undefined };
  const tls = new ServiceTls(config, quiet);
  const state = await openState(config, quiet, tls.redis, true).finally(() => tls.close());
  try {
    // What is compromised has to reach everybody, which takes the stream. Without it an auth that runs will see to it.
    if (work.changes) await Promise.race([state.log.start(), sleep(ANNOUNCE_MS, undefined, { ref: false })]);
    return await work.run(state);
  } finally {
    await state.keys.close();
    state.log.close();
    state.store.close();
  }
}

/** Whoever runs this, by name or by number: in a container there may be none. */
function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof RotationPending) {
    return `a rotation is planned for ${new Date(error.rotation.dueAt * 1000).toISOString()} already`;
  }
  if (error instanceof UnknownKey) return 'there is no such key in the ring, and was none lately';
  if (error instanceof StoreUnavailable) return `Redis does not answer: ${reasonOf(error)}; it may be done nonetheless`;
  return (error as Error).message;
}
