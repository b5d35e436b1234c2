import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { pinning } from './cores';

const ROOT = resolve(__dirname, '../../..');

/** What the figures were measured on, and of what. */
export interface Measured {
  readonly commit: string;
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  readonly pinning: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** @param node the path of the Node that was measured */
export function measured(node: string): Measured {
  const [cpu] = cpus();
  return {
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    machine: `${cpus().length} × ${cpu?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    pinning: pinning(),
    versions: { ...peers(), ...programs() },
  };
}

function commit(): string {
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : ' and changes');
  } catch {
    return 'unknown';
  }
}

function peers(): Record<string, string> {
  const own = JSON.parse(readFileSync(resolve(ROOT, 'bench/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const shared = ['@nestjs/core', 'fastify', 'express', 'passport-jwt', 'undici', 'ioredis'];
  return { ...own.dependencies, ...Object.fromEntries(shared.map((name) => [name, installed(name)])) };
}

function installed(name: string): string {
  const file = resolve(ROOT, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function programs(): Record<string, string> {
  const first = (command: string, ...words: string[]): string =>
    /\d+(?:\.\d+)+/.exec(spawnSync(command, words, { encoding: 'utf8' }).stdout ?? '')?.[0] ?? 'missing';
  return {
    HAProxy: first('haproxy', '-v'),
    Redis: first('redis-server', '--version'),
    wrk: first('wrk', '-v'),
  };
}
