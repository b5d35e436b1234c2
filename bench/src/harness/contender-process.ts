// One contender in a process: opened by what the command line says, run as often as the parent asks.
import { type Contender, type OpenContender } from './contender';

export interface Turn {
  readonly count: number;
}
/** What a turn took, or why it failed. `cpuNs` is that of the whole process. */
export type TurnResult = { readonly ns: number; readonly cpuNs: number } | { readonly error: string };

const [file = '', name = '', setting = '{}'] = process.argv.slice(2);

async function turn(contender: Contender, { count }: Turn): Promise<TurnResult> {
  try {
    const cpu = process.cpuUsage();
    const begun = process.hrtime.bigint();
    const own = await contender.run(count);
    const ns = Number(process.hrtime.bigint() - begun);
    const { user, system } = process.cpuUsage(cpu);
    return { ns: own ?? ns, cpuNs: (user + system) * 1000 };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function main(): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- named by the parent
  const open = (require(file) as Record<string, OpenContender<unknown>>)[name];
  if (!open) throw new Error(`${file} has no ${name}`);
  const contender = await open(JSON.parse(setting));
  process.on('message', (message: Turn) => void turn(contender, message).then((result) => process.send?.(result)));
  process.once('disconnect', () => void Promise.resolve(contender.close?.()).then(() => process.exit()));
  process.send?.('open');
}

void main();
