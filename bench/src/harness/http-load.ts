import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinned } from './cores';
import { type Bench } from './part';
import { type BusyShare } from './processor-time';
import { environment, type Rounds } from './rounds';

/** Whom requests go to, and what they are. */
export interface Asked {
  /** As it is called in the results; unique among those that are compared. */
  readonly label: string;
  /** `http://127.0.0.1:port/path` */
  readonly url: string;
  /** What is sent in `Authorization`, in turns; none is sent where there is none. */
  readonly authorizations: readonly string[];
  /** What every so many-th request sends instead, in turns that go on from round to round. */
  readonly seldom?: { readonly every: number; readonly authorizations: readonly string[] };
  /** Told when the process that answers is asked, in all turns that count. */
  readonly busy?: BusyShare;
}

/** How many connections ask at once. */
const CONNECTIONS = 32;

/** `wrk` looks ten times a second whether it is to stop. */
const SHORTEST_TURN_MS = 200;

/**
 * Lets `wrk` ask each in turns, with as many requests as it answers.
 *
 * @param warmUpMs how long each is asked before it counts, 0 for not at all. Default: a turn
 * @returns requests a second, a figure a round: the same index is the same round for all
 * @throws Error when anything but 2xx is answered
 */
export async function loaded(
  bench: Bench,
  title: string,
  all: readonly Asked[],
  warmUpMs = bench.turnMs,
): Promise<Rounds> {
  const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
  try {
    const asked = await Promise.all(all.map((one, index) => withScript(folder, index, one)));
    for (const one of warmUpMs > 0 ? asked : []) {
      bench.progress(`${title}: ${one.label} warms up`);
      await wrk(one, warmUpMs);
    }
    const rounds = new Map(asked.map(({ label }) => [label, [] as number[]]));
    for (let round = 0; round < bench.rounds; round++) {
      bench.progress(`${title}: round ${round + 1} of ${bench.rounds}`);
      // Another begins each time, so that nobody always follows the same one.
      for (const one of [...asked.slice(round % asked.length), ...asked.slice(0, round % asked.length)])
        rounds.get(one.label)?.push(await wrk(one, bench.turnMs, one.busy));
    }
    return rounds;
  } finally {
    await rm(folder, { recursive: true });
  }
}

type Scripted = Asked & {
  readonly script: string;
  /** How many requests it has been sent so far. */
  sent: number;
};

/** `wrk` makes all requests before it begins: what is left for it to do is to send them. */
async function withScript(folder: string, index: number, asked: Asked): Promise<Scripted> {
  const { authorizations, seldom = { every: 0, authorizations: [] } } = asked;
  const [script, often, rare] = [
    join(folder, `${index}.lua`),
    join(folder, `${index}.often`),
    join(folder, `${index}.rare`),
  ];
  await writeFile(often, authorizations.join('\n'));
  await writeFile(rare, seldom.authorizations.join('\n'));
  await writeFile(
    script,
    `
local often, rare, every, sent = {}, {}, ${seldom.every}, 0
local function read(file, requests)
  for word in io.lines(file) do
    requests[#requests + 1] = wrk.format("GET", wrk.path, { ["Authorization"] = word })
  end
end
function init(args)
  -- That it begins is told at once.
  io.stdout:setvbuf("line")
  sent = tonumber(args[1])
  read(${JSON.stringify(often)}, often)
  read(${JSON.stringify(rare)}, rare)
  if #often == 0 then often[1] = wrk.format("GET", wrk.path) end
end
function request()
  sent = sent + 1
  if every > 0 and sent % every == 0 then return rare[sent / every % #rare + 1] end
  return often[sent % #often + 1]
end
function done(summary, latency, sent)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"failed":%d}\\n', summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`,
  );
  return { ...asked, script, sent: 0 };
}

async function wrk(asked: Scripted, turnMs: number, busy?: BusyShare): Promise<number> {
  const { label, url, script, sent } = asked;
  // It counts in seconds, and so is stopped.
  const ms = Math.max(SHORTEST_TURN_MS, turnMs);
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${Math.ceil(ms / 1000) + 1}s`, '-s', script];
  const [command, words] = pinned('around', 'wrk', [...options, url, '--', String(sent)]);
  busy?.begin();
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], env: environment() });
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    timer ??= setTimeout(() => child.kill('SIGINT'), ms);
    said += text;
  });
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  clearTimeout(timer);
  const line = said.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk, which is to ask ${label}, says: ${said}`);
  const { requests, us, failed } = JSON.parse(line) as { requests: number; us: number; failed: number };
  if (failed > 0) throw new Error(`${label}: ${failed} of ${requests} requests were not answered with 2xx`);
  busy?.end(us / 1e6, requests);
  // Those that were under way when it stopped have been sent as well.
  asked.sent += requests + CONNECTIONS + 1;
  return requests / (us / 1e6);
}
