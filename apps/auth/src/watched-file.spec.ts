import { StartRefused } from '@token-relay/service-kit';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchedFile } from './watched-file';

describe('WatchedFile', () => {
  let folder: string;
  let path: string;
  let file: WatchedFile<string>;
  const events: string[] = [];

  const parse = (text: string): string => {
    if (text.startsWith('bad')) throw new StartRefused('FILE is bad');
    return text;
  };
  const open = (): void => {
    file = new WatchedFile({ name: 'FILE', path, parse });
  };
  const watch = (): void =>
    file.watch({
      changed: (now, before) => void events.push(`${before} -> ${now}`),
      refused: (reason) => void events.push(`refused: ${reason}`),
    });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'watched-file-'));
    path = join(folder, 'file');
    writeFileSync(path, 'one');
    events.length = 0;
    open();
  });
  afterEach(async () => {
    await file.close();
    rmSync(folder, { recursive: true });
  });

  it('is refused at the start when it can not be read, or not be parsed', () => {
    writeFileSync(path, 'bad');
    expect(open).toThrow(new StartRefused('FILE is bad'));
    rmSync(path);
    expect(open).toThrow(new StartRefused('FILE can not be read'));
  });

  it('takes another content, and says once what it was', async () => {
    watch();
    writeFileSync(path, 'two');
    for (let i = 0; i < 4; i++) await file.look();
    expect(file.content).toBe('two');
    expect(events).toEqual(['one -> two']);
  });

  it('notices by itself, also what was changed before it was watched', async () => {
    writeFileSync(path, 'two');
    watch();
    while (events.length < 1) await sleep(5);
    writeFileSync(path, 'three');
    while (events.length < 2) await sleep(5);
    expect(events).toEqual(['one -> two', 'two -> three']);
  });

  it('keeps what it has when the new file is bad, or gone, and takes the next good one', async () => {
    watch();
    await file.look();
    for (const change of [() => writeFileSync(path, 'bad'), () => rmSync(path), () => writeFileSync(path, 'two')]) {
      change();
      for (let i = 0; i < 3; i++) await file.look();
    }
    expect(events).toEqual(['refused: FILE is bad', 'refused: FILE can not be read', 'one -> two']);
  });

  it('sees a second change that has the time and the size of the first', async () => {
    watch();
    for (let i = 0; i < 3; i++) await file.look();
    const write = (text: string): void => {
      writeFileSync(path, text);
      utimesSync(path, 1, 1);
    };
    write('two');
    await file.look();
    write('TWO');
    await file.look();
    expect(file.content).toBe('TWO');
  });

  it('follows a mounted folder that a symbolic link is led away from', async () => {
    const mount = (name: string, text: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), text);
      symlinkSync(name, join(folder, 'new'));
      renameSync(join(folder, 'new'), join(folder, 'current'));
    };
    mount('first', 'one');
    path = join(folder, 'current', 'file');
    await file.close();
    open();
    watch();
    await file.look();
    mount('second', 'two');
    await file.look();
    expect(file.content).toBe('two');
  });

  it('says nothing of a file that was only touched', async () => {
    watch();
    await file.look();
    utimesSync(path, 1, 1);
    for (let i = 0; i < 3; i++) await file.look();
    expect(events).toEqual([]);
  });
});
