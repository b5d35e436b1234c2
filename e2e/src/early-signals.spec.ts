import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { secret, shared } from './system';

const ROOT = resolve(__dirname, '../..');

/** Sends a process a signal when it is about to load the module of that name, which is while it loads all of them. */
const SIGNAL_WHILE_LOADING = `
const Module = require('node:module');
const load = Module._load;
Module._load = function (name, ...others) {
  if (name === process.env.LOADS) {
    Module._load = load;
    process.kill(process.pid, process.env.SIGNAL);
  }
  return load.call(this, name, ...others);
};
`;

describe('a signal that comes while modules are loaded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'early-signals-'));
  const preloaded = join(folder, 'preloaded.cjs');
  writeFileSync(preloaded, SIGNAL_WHILE_LOADING);
  afterAll(() => rmSync(folder, { recursive: true }));

  async function outcome(app: string, loads: string, signal: NodeJS.Signals, args: readonly string[] = [], more = {}) {
    const main = resolve(ROOT, 'apps', app, 'dist/main.js');
    const env = { PATH: process.env.PATH, LOADS: loads, SIGNAL: signal, ...more };
    const child = spawn(process.execPath, ['--require', preloaded, main, ...args], { env, stdio: 'ignore' });
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return code ?? by;
  }

  // Unless it is kept it ends these processes at once, by the signal; process 1 of a container wouldn't hear of it at all.
  it.each(['auth', 'gateway', 'resource', 'audit'])('is kept until %s can end', async (app) => {
    expect(await outcome(app, 'reflect-metadata', 'SIGTERM')).not.toBe('SIGTERM');
    expect(await outcome(app, 'reflect-metadata', 'SIGINT')).not.toBe('SIGINT');
  });

  it('ends a service that can start with 0', async () => {
    const environment = {
      ...shared('http://127.0.0.1:9'),
      RESOURCE_URL: 'http://127.0.0.1:9',
      GATEWAY_CLIENT_SECRET: secret(),
      PORT: '0',
    };
    expect(await outcome('gateway', 'reflect-metadata', 'SIGTERM', [], environment)).toBe(0);
  });

  it('ends bootstrap with 128 and its number', async () => {
    expect(await outcome('bootstrap', './bootstrap-command', 'SIGTERM', ['files', join(folder, 'made')])).toBe(143);
    expect(await outcome('bootstrap', './bootstrap-command', 'SIGINT', ['files', join(folder, 'made')])).toBe(130);
  });
});
