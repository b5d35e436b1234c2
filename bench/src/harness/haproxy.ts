import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Place } from './cores';
import { freePort } from './programs';
import { type Served } from './served';
import { started } from './started';

/** Whether there is HAProxy here. */
export const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

/** What it verifies with, as `OpenSSL 3.0.19`. */
export function haproxyOpenssl(): string {
  const told = spawnSync('haproxy', ['-vv'], { encoding: 'utf8' }).stdout;
  return /^Running on OpenSSL version : (OpenSSL [\d.]+)/m.exec(told)?.[1] ?? 'another library than OpenSSL';
}

export interface HaproxySetting {
  /** As it is called in the results. */
  readonly label: string;
  readonly place: Place;
  /** Of its frontend, each on a line of its own, and whatever comes after that. */
  readonly rules: readonly string[];
  /** What it answers with 2xx as soon as it serves. */
  readonly probe: string;
}

/** HAProxy with one thread. */
export async function startHaproxy({ label, place, rules, probe }: HaproxySetting): Promise<Served> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
  const config = join(folder, 'haproxy.cfg');
  await writeFile(
    config,
    `global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend all
  bind 127.0.0.1:${port}
${rules.map((rule) => `  ${rule}\n`).join('')}`,
  );
  try {
    const url = `http://127.0.0.1:${port}`;
    return await started({ label, place, command: 'haproxy', args: ['-db', '-f', config], url, probe });
  } finally {
    // It has read it.
    await rm(folder, { recursive: true });
  }
}
