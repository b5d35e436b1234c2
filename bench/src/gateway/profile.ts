// One contender alone under load, and a CPU profile of it.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loaded } from '../harness/http-load';
import { type Bench } from '../harness/part';
import { BusyShare } from '../harness/processor-time';
import { of, time } from '../harness/tables';
import { CONTENDERS } from './contenders';
import { PATH } from './outcome';
import { onScene } from './scene';

const FOLDER = resolve(__dirname, '../profiles');
const USAGE = `node bench/dist/gateway/profile.js <who> [options]

  who: ${CONTENDERS.map(({ name }) => name).join(', ')}

  --node <path>        the Node that it runs on; default: this one
  --seconds <number>   how long it is asked, after as long a warm-up; default: 10
  --users <number>     how many tokens there are, each of another user; default: 50
  --no-profile         only says how many requests a second it answers
`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    seconds: { type: 'string', default: '10' },
    users: { type: 'string', default: '50' },
    'no-profile': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(USAGE);
  const contender = CONTENDERS.find(({ name }) => name === positionals[0]);
  if (!contender) throw new Error(USAGE);
  // Of HAProxy Node can tell nothing.
  const isProfiled = !values['no-profile'] && contender.needs !== 'haproxy';
  const bench: Bench = {
    node: values.node,
    nodeFlags: !isProfiled ? [] : ['--cpu-prof', `--cpu-prof-dir=${FOLDER}`],
    quick: false,
    check: false,
    rounds: 1,
    turnMs: Number(values.seconds) * 1000,
    progress: (line) => void process.stderr.write(`${line}\n`),
  };
  await onScene(bench, Number(values.users), async ({ tokens, open }) => {
    const { url, label, pid } = await open(contender);
    const authorizations = tokens.map(({ token }) => `Bearer ${token}`);
    const busy = new BusyShare(pid);
    const rounds = await loaded(bench, 'gateway', [{ label, url: `${url}${PATH}`, authorizations, busy }]);
    const [[perSecond = NaN], [rate = NaN]] = [of(rounds, label), busy.rates];
    process.stdout.write(
      `${label}: ${Math.round(perSecond)} requests a second, ${time(1e9 / rate)} of processor time each\n`,
    );
  });
  if (isProfiled) process.stdout.write(`${await newestIn(FOLDER)}: for Chrome's DevTools\n`);
}

async function newestIn(folder: string): Promise<string> {
  const files = (await readdir(folder)).map((name) => join(folder, name));
  const times = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  return files[times.indexOf(Math.max(...times))] ?? folder;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
