// One server in a process: opened by what the command line says; it tells the parent where it listens, and ends with it.
import { type OpenServer } from './served';

const [file = '', name = '', setting = '{}'] = process.argv.slice(2);

async function main(): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- named by the parent
  const open = (require(file) as Record<string, OpenServer<unknown>>)[name];
  if (!open) throw new Error(`${file} has no ${name}`);
  const { url } = await open(JSON.parse(setting));
  process.once('SIGTERM', () => process.exit());
  process.once('disconnect', () => process.exit());
  process.send?.(url);
}

void main();
