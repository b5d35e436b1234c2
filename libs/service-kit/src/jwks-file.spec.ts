import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwksFile } from './jwks-file';

describe('keys that are kept in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jwks-'));
  const path = join(folder, 'jwks.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are none at first, and then those that were written last, for nobody else', async () => {
    const cache = jwksFile(path);
    expect(await cache.read()).toBeUndefined();
    for (const fetchedAt of [1, 2]) await cache.write({ keySet: { keys: [] }, fetchedAt });
    expect(await jwksFile(path).read()).toEqual({ keySet: { keys: [] }, fetchedAt: 2 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['jwks.json']);
  });

  it('are not made up where the file is something else, or can not be written', async () => {
    writeFileSync(path, 'nonsense');
    await expect(jwksFile(path).read()).rejects.toThrow(SyntaxError);
    await expect(jwksFile(join(folder, 'none', 'jwks.json')).write({ keySet: {}, fetchedAt: 1 })).rejects.toThrow(
      'ENOENT',
    );
  });
});
