import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config';
import { WatchedFiles } from './watched-files';

describe('files that are watched', () => {
  let folder: string;
  let files: WatchedFiles<'ONE' | 'OTHER', string>;
  let told: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'watched-'));
    told = [];
    put('ONE', 'a');
    put('OTHER', 'a');
  });
  afterEach(() => {
    files?.close();
    rmSync(folder, { recursive: true });
  });

  const path = (name: string): string => join(folder, name);
  const put = (name: string, text: string): void => writeFileSync(path(name), text);
  /** They belong together where they hold the same. */
  function watch(paths = { ONE: path('ONE'), OTHER: path('OTHER') }, pollMs = 60_000): typeof files {
    files = new WatchedFiles({
      paths,
      parse: ({ ONE, OTHER }) => {
        if (ONE.equals(OTHER)) return String(ONE);
        throw new ConfigError([{ name: 'OTHER', reason: 'does not belong to ONE' }]);
      },
      changed: (content) => told.push(`changed: ${content}`),
      refused: (reason) => told.push(`refused: ${reason}`),
      pollMs,
    });
    return files;
  }

  it('are what they were at the start until they change', async () => {
    expect(watch().content).toBe('a');
    await files.look();
    expect([files.content, told]).toEqual(['a', []]);
    put('ONE', 'b');
    put('OTHER', 'b');
    await files.look();
    expect([files.content, told]).toEqual(['b', ['changed: b']]);
  });

  it('refuse the start where they are refused, or one is not there', () => {
    put('ONE', 'b');
    expect(() => watch()).toThrow('does not belong');
    rmSync(path('ONE'));
    expect(() => watch()).toThrow('ONE: can not be read');
  });

  it('go on as they were while they are refused, which is told once, and not of what is only halfway', async () => {
    watch();
    put('ONE', 'b');
    await files.look();
    expect(told).toEqual([]);
    put('OTHER', 'b');
    await files.look();
    expect(told).toEqual(['changed: b']);
    put('ONE', 'c');
    for (let i = 0; i < 4; i++) await files.look();
    expect([files.content, told]).toEqual(['b', ['changed: b', 'refused: OTHER does not belong to ONE']]);
    // Another that is refused is told too; and so is the first one again, once all was well in between.
    put('ONE', 'd');
    for (let i = 0; i < 2; i++) await files.look();
    put('ONE', 'b');
    await files.look();
    rmSync(path('ONE'));
    for (let i = 0; i < 3; i++) await files.look();
    expect(told.slice(2)).toEqual(['refused: OTHER does not belong to ONE', 'refused: ONE can not be read']);
    expect(files.content).toBe('b');
  });

  it('are told of again where the same are refused after all was well', async () => {
    watch();
    for (const one of ['b', 'a', 'b']) {
      put('ONE', one);
      for (let i = 0; i < 2; i++) await files.look();
    }
    const refused = 'refused: OTHER does not belong to ONE';
    expect(told).toEqual([refused, refused]);
  });

  it('are followed where a symbolic link leads elsewhere', async () => {
    writeFileSync(path('v1'), 'a');
    writeFileSync(path('v2'), 'b');
    symlinkSync('v1', path('link'));
    watch({ ONE: path('link'), OTHER: path('link') });
    symlinkSync('v2', path('next'));
    renameSync(path('next'), path('link'));
    await files.look();
    expect(files.content).toBe('b');
  });

  it('are looked at by themselves, until they are closed', async () => {
    const changed = new Promise<void>((resolve) => {
      files = new WatchedFiles({
        paths: { ONE: path('ONE'), OTHER: path('OTHER') },
        parse: ({ ONE }) => String(ONE),
        changed: () => resolve(),
        pollMs: 5,
      });
    });
    put('ONE', 'b');
    await changed;
    files.close();
    await files.look();
    put('ONE', 'c');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(files.content).toBe('b');
  });
});
