import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Secret } from '../secrets';
import { DirectoryPlace } from './directory';

const SECRET = { name: 'auth', keys: ['one', 'two'] } as const satisfies Secret;
const FIRST = { one: '1', two: '2' };
const SECOND = { one: 'another', two: 'other' };

describe('a directory for each secret', () => {
  let base: string;
  let folder: string;
  let place: DirectoryPlace;
  beforeEach(() => {
    base = join(mkdtempSync(join(tmpdir(), 'directory-')), 'secrets');
    folder = join(base, 'auth');
    place = new DirectoryPlace(base);
  });
  afterEach(() => rmSync(join(base, '..'), { recursive: true }));

  const versions = () => readdirSync(folder).filter((name) => name.startsWith('..version-'));
  const draft = (files: Readonly<Record<string, string>>, version = '..version-1') => {
    mkdirSync(join(folder, version), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, version, name), text);
    return version;
  };

  it('is made with its base where that is missing, and read as it was made', async () => {
    expect(await place.read(SECRET)).toBeUndefined();
    expect(await place.create(SECRET, FIRST)).toBe(true);
    expect(await place.read(SECRET)).toEqual(FIRST);
    expect(readFileSync(join(folder, 'two'), 'utf8')).toBe('2');
  });

  it('takes an empty one for none, as a new volume is', async () => {
    mkdirSync(folder, { recursive: true });
    expect(await place.read(SECRET)).toBeUndefined();
    const { ino } = statSync(folder);
    expect(await place.create(SECRET, FIRST)).toBe(true);
    expect(statSync(folder).ino).toBe(ino);
  });

  it('is never written over', async () => {
    await place.create(SECRET, FIRST);
    expect(await place.create(SECRET, SECOND)).toBe(false);
    expect(await place.read(SECRET)).toEqual(FIRST);
    expect(versions()).toHaveLength(1);
  });

  it('is one whole set when many make it at once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const made = await place.create(SECRET, { one: `one ${i}`, two: `two ${i}` });
        // Whoever was not first finds all of what the first has made.
        const found = await place.read(SECRET);
        return { made, found: [found?.one, found?.two] };
      }),
    );
    const [first] = outcomes.filter(({ made }) => made);
    const i = outcomes.findIndex(({ made }) => made);
    expect(outcomes.filter(({ made }) => made)).toHaveLength(1);
    expect(first?.found).toEqual([`one ${i}`, `two ${i}`]);
    for (const { found } of outcomes) expect(found).toEqual(first?.found);
    expect(versions()).toHaveLength(1);
  });

  it('is made by the first while the others still write', async () => {
    for (let i = 0; i < 50; i++) {
      const secret = { ...SECRET, name: `auth-${i}` };
      const version = join(base, secret.name, '..version-of-another');
      mkdirSync(version, { recursive: true });
      let isWriting = true;
      const another = (async () => {
        for (let file = 0; isWriting; file++) await writeFile(join(version, String(file)), '').catch(() => undefined);
      })();
      expect(await place.create(secret, FIRST)).toBe(true);
      isWriting = false;
      await another;
      expect(await place.read(secret)).toEqual(FIRST);
    }
  });

  it.each([
    ['before any file was written', {}],
    ['between two files', { one: 'x' }],
    ['before they counted', { one: 'x', two: 'y' }],
  ])('is made by the next run where one was interrupted %s, and what was left is cleared away', async (_, files) => {
    draft(files);
    expect(await place.read(SECRET)).toBeUndefined();
    expect(await place.create(SECRET, FIRST)).toBe(true);
    expect(await place.read(SECRET)).toEqual(FIRST);
    expect(versions()).toEqual([readlinkSync(join(folder, '..data'))]);
  });

  it.each([
    ['any', []],
    ['the second', ['one']],
  ])('is what an interrupted run had made where that came before %s name', async (_, named) => {
    symlinkSync(draft(FIRST), join(folder, '..data'));
    for (const key of named) symlinkSync(join('..data', key), join(folder, key));
    expect(await place.read(SECRET)).toEqual(FIRST);
    expect(readFileSync(join(folder, 'two'), 'utf8')).toBe('2');
  });

  it.each(['nothing', 'an empty folder'])('is refused where what it was made of leads to %s', async (what) => {
    mkdirSync(join(folder, ...(what === 'nothing' ? [] : ['..version-1'])), { recursive: true });
    symlinkSync('..version-1', join(folder, '..data'));
    for (let i = 0; i < 2; i++) {
      await expect(place.read(SECRET)).rejects.toThrow(`auth: ${join(folder, '..data')} leads to nothing`);
    }
  });

  it('keeps files that an operator has put there, and tells when some are missing', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'one'), "the operator's");
    expect(await place.read(SECRET)).toEqual({ one: "the operator's" });
    writeFileSync(join(folder, 'two'), 'as well');
    expect(await place.read(SECRET)).toEqual({ one: "the operator's", two: 'as well' });
  });

  it('is for its owner alone, or for its group as well, and never for others', async () => {
    await place.create(SECRET, FIRST);
    await place.create({ ...SECRET, name: 'redis', forGroup: true }, FIRST);
    const modes = (name: string) =>
      [name, `${name}/..data`, `${name}/one`].map((path) => (statSync(join(base, path)).mode & 0o777).toString(8));
    expect(modes('auth')).toEqual(['700', '700', '600']);
    expect(modes('redis')).toEqual(['750', '750', '640']);
  });

  it('leaves the mode of a directory that is there', async () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    await place.create(SECRET, FIRST);
    expect(statSync(folder).mode & 0o777).toBe(0o755);
  });

  it('says which path fails and why, where it can not be used', async () => {
    writeFileSync(base, 'a file');
    await expect(place.read(SECRET)).rejects.toThrow(`auth: open ${join(folder, 'one')} fails with ENOTDIR`);
    await expect(place.create(SECRET, FIRST)).rejects.toThrow(`auth: mkdir ${base} fails with EEXIST`);
  });
});
