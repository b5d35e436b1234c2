import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pinned } from '../harness/cores';
import { freePort } from '../harness/programs';
import { environment } from '../harness/rounds';
import { pidOf, type Served, stopped } from '../harness/served';
import { answerFor, NOBODY } from './answer';

const START_LIMIT_MS = 5_000;

/** What asks can do at most: HAProxy answers the same, whatever it is asked, and faster than any server of Node. */
export async function haproxyAnswer(label: string): Promise<Served> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    `global
    nbthread 1
defaults
    mode http
    timeout client 60s
    timeout http-keep-alive 60s
frontend answer
    bind 127.0.0.1:${port}
    http-request return status 200 content-type "application/json; charset=utf-8" string '${JSON.stringify(answerFor(NOBODY))}'
`,
  );
  const child = spawn(...pinned('measured', 'haproxy', ['-db', '-f', file]), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment(),
  });
  await once(child, 'spawn');
  const stop = async (): Promise<void> => {
    await stopped(child);
    await rm(folder, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await answering(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { label, url, pid: pidOf(child), stop };
}

async function answering(url: string): Promise<void> {
  for (const begun = performance.now(); ; await wait(20)) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch (error) {
      if (performance.now() - begun > START_LIMIT_MS) throw error;
    }
  }
}
