import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleFiles } from './console-files';

describe('ConsoleFiles', () => {
  let folder: string;
  const put = (name: string, content: string): void => writeFileSync(join(folder, name), content);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'console-'));
    mkdirSync(join(folder, 'assets'));
    put('index.html', '<!doctype html>');
    put('assets/index-1.js', 'x'.repeat(1_000));
    put('assets/index-1.js.map', '{}');
    put('assets/tiny-1.css', 'a{}');
    put('assets/icon-1.png', 'x'.repeat(1_000));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('holds what a page consists of, and nothing else', () => {
    const files = ConsoleFiles.read(folder);
    expect(files.page.body.toString()).toBe('<!doctype html>');
    expect(files.asset('index-1.js')?.type).toBe('text/javascript; charset=utf-8');
    for (const name of ['index-1.js.map', 'index.html', '../index.html', '', '__proto__', 'constructor']) {
      expect([name, files.asset(name)]).toEqual([name, undefined]);
    }
  });

  it('reads no file again', () => {
    const files = ConsoleFiles.read(folder);
    put('assets/index-1.js', 'other');
    put('assets/later-1.js', 'later');
    expect(files.asset('index-1.js')?.body).toHaveLength(1_000);
    expect(files.asset('later-1.js')).toBeUndefined();
  });

  it('compresses what gets smaller by it', () => {
    const files = ConsoleFiles.read(folder);
    expect(files.asset('index-1.js')?.gzip?.length).toBeLessThan(100);
    expect(files.asset('tiny-1.css')?.gzip).toBeUndefined();
    expect(files.asset('icon-1.png')?.gzip).toBeUndefined();
  });

  it('has other tags for other contents, and keeps assets for ever, the page never', () => {
    const before = ConsoleFiles.read(folder);
    put('index.html', '<!doctype html><title>x</title>');
    const after = ConsoleFiles.read(folder);
    expect(after.page.etag).not.toBe(before.page.etag);
    expect(after.asset('index-1.js')?.etag).toBe(before.asset('index-1.js')?.etag);
    expect([after.page.immutable, after.asset('index-1.js')?.immutable]).toEqual([false, true]);
  });

  it.each([
    ['no folder', () => rmSync(join(folder, '.'), { recursive: true })],
    ['no page', () => rmSync(join(folder, 'index.html'))],
    ['no assets', () => rmSync(join(folder, 'assets'), { recursive: true })],
  ])('refuses the start where there is %s', (what, remove) => {
    remove();
    expect(() => ConsoleFiles.read(folder)).toThrow('the console was not built');
    if (what === 'no folder') mkdirSync(folder);
  });
});
