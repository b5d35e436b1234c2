import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NATIVE_CLIENT, System } from './system';

const APP = join(__dirname, 'native/app.mjs');

describe('an app on a device, each time a process of its own', () => {
  let system: System;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    system = await System.start();
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    file = join(folder, 'session');
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
    await rm(folder, { recursive: true });
  });

  /** @returns what it writes; undefined for one that has crashed */
  function run(what: string, credentials?: object): Promise<unknown> {
    const settings = {
      baseUrl: system.gateway.url,
      tokenEndpoint: `${system.auth.url}/oauth/token`,
      clientId: NATIVE_CLIENT.id,
      file,
    };
    const parameters = [APP, JSON.stringify(settings), what, ...(credentials ? [JSON.stringify(credentials)] : [])];
    return new Promise((resolve) => {
      execFile(process.execPath, parameters, { timeout: 20_000 }, (error, output) =>
        resolve(error ? undefined : JSON.parse(output)),
      );
    });
  }
  const kept = (): Promise<string> => readFile(file, 'utf8');

  it('goes on with what it has kept, loses nothing by a crash, and ends with a logout', async () => {
    const { username, password, sub } = system.accounts.alice;
    expect(await run('call')).toEqual({ code: 'session_ended' });
    expect(await run('login', { username, password: 'wrong' })).toEqual({ code: 'invalid_credentials' });
    expect(await run('login', { username, password })).toBe('active');
    const first = await kept();
    expect(first).toMatch(/^rt_/);
    expect(await run('call')).toEqual({ state: 'active', subject: sub });
    const second = await kept();
    expect(second).not.toBe(first);
    // The server has answered, and it could not write that down: it comes with the same token again.
    expect(await run('crash')).toBeUndefined();
    expect(await kept()).toBe(second);
    expect(await run('call')).toEqual({ state: 'active', subject: sub });
    await copyFile(file, join(folder, 'stolen'));
    expect(await run('logout')).toBe('ended');
    await expect(kept()).rejects.toThrow();
    await copyFile(join(folder, 'stolen'), file);
    expect(await run('call')).toEqual({ code: 'session_ended' });
  });
});
