import { parseArgs } from 'node:util';
import { makeSecrets, type System } from './make-secrets';
import { DirectoryPlace } from './place/directory';
import { KubernetesPlace } from './place/kubernetes';
import { type ServiceAccount, serviceAccountOf } from './place/service-account';
import { Refused, UsageError } from './refused';

export interface CommandIo {
  readonly environment: NodeJS.ProcessEnv;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Who this is to Kubernetes. Default: as a pod finds it. */
  readonly serviceAccount?: (environment: NodeJS.ProcessEnv) => ServiceAccount;
}

const USAGE = `Usage: bootstrap <command>

  files <directory> [options]
  kubernetes [options]

Makes, once, the secrets and certificates that a system needs: as directories in that one, or as Secrets in the namespace
of the pod that this runs in. What is there already stays as it is.

  --without-certificates  makes no CA and no certificates: something else does
  --without-redis         makes no passwords for auth's Redis: something else says where one is
  --without-records       makes none for the Redis of resource and audit: something else says where one is

In the environment: DEMO_ACCOUNTS=1 makes accounts to try it with; NAMESPACE is what certificates call services by.

Exit code: 0 done, 1 refused, 2 not understood, 130 and 143 ended by SIGINT and SIGTERM.
`;

const OPTIONS = {
  'without-certificates': { type: 'boolean', default: false },
  'without-redis': { type: 'boolean', default: false },
  'without-records': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

const DEFAULT_NAMESPACE = 'token-relay';
/** RFC 1123. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** @returns the exit code */
export async function bootstrapCommand(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help || positionals.length === 0) {
      (values.help ? io.write : io.warn)(USAGE);
      return values.help ? 0 : 2;
    }
    const system = {
      hasAuthority: !values['without-certificates'],
      hasRedis: !values['without-redis'],
      hasRecords: !values['without-records'],
      hasDemoAccounts: demoAccountsIn(io.environment),
    };
    await run(positionals, system, io);
    return 0;
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof UsageError)) throw error;
    io.warn(`bootstrap: ${error.message}\n`);
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

async function run(
  [command, directory, ...others]: readonly string[],
  system: Omit<System, 'namespace'>,
  io: CommandIo,
): Promise<void> {
  const tell = (line: string): void => io.write(`${line}\n`);
  if (command === 'files') {
    if (directory === undefined || others.length > 0) throw new UsageError('files takes one directory');
    const namespace = namespaceIn(io.environment) ?? DEFAULT_NAMESPACE;
    return makeSecrets(new DirectoryPlace(directory), { ...system, namespace }, tell);
  }
  if (command !== 'kubernetes') throw new UsageError('the commands are: files, kubernetes');
  if (directory !== undefined) throw new UsageError('kubernetes takes no name');
  const asked = namespaceIn(io.environment);
  const account = (io.serviceAccount ?? serviceAccountOf)(io.environment);
  const namespace = asked ?? account.namespace;
  const place = new KubernetesPlace({ ...account, namespace });
  try {
    await makeSecrets(place, { ...system, namespace }, tell);
  } finally {
    await place.close();
  }
}

function namespaceIn({ NAMESPACE: name = '' }: NodeJS.ProcessEnv): string | undefined {
  if (name === '') return undefined;
  if (!NAMESPACE.test(name)) throw new UsageError('NAMESPACE must be the name of a namespace');
  return name;
}

function demoAccountsIn({ DEMO_ACCOUNTS: asked = '' }: NodeJS.ProcessEnv): boolean {
  if (!['', '0', '1'].includes(asked)) throw new UsageError('DEMO_ACCOUNTS must be 0 or 1');
  return asked === '1';
}
