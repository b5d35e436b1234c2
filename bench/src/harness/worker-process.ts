// One worker in a process: opened by what the command line says, does what the parent asks for, and ends with it.
import { type OpenWorker, type Tasks, type WorkerAnswer, type WorkerRequest } from './worker';

const [file = '', name = '', setting = '{}'] = process.argv.slice(2);

async function answered(work: () => unknown): Promise<WorkerAnswer> {
  try {
    return { result: await work() };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function main(): Promise<void> {
  let tasks: Tasks | undefined;
  const opened = await answered(async () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- named by the parent
    const open = (require(file) as Record<string, OpenWorker<unknown>>)[name];
    if (!open) throw new Error(`${file} has no ${name}`);
    tasks = await open(JSON.parse(setting));
  });
  process.on('message', ({ task, argument }: WorkerRequest) => {
    void answered(() => tasks?.[task]?.(argument as never)).then((answer) => process.send?.(answer));
  });
  process.once('disconnect', () => void answered(() => tasks?.close?.(undefined as never)).then(() => process.exit()));
  process.send?.(opened);
}

void main();
