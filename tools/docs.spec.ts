import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');
const read = (path: string): string => readFileSync(resolve(ROOT, path), 'utf8');
const sources = (): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'apps', 'libs'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter(
      (path) =>
        /\/src\/.*\.ts$/.test(path) &&
        !path.endsWith('.spec.ts') &&
        !path.startsWith('libs/testing/') &&
        !path.includes('/consumers/'),
    );

const documented = (path: string): Set<string> =>
  new Set([...read(path).matchAll(/`([A-Za-z_]+)`/g)].map(([, name = '']) => name));

describe('the docs', () => {
  it('list every name of the configuration', () => {
    const known = documented('docs/configuration.md');
    const configs = sources().filter((path) => /config\.ts$/.test(path));
    expect(configs).toHaveLength(6);
    const names = configs.flatMap((path) => [...read(path).matchAll(/^\s+([A-Z][A-Z_]+): /gm)].map(([, name]) => name));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  it('have tables that say what the sources say', () => {
    const { status, stderr } = spawnSync('node', ['tools/generate-docs.mjs', '--check'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it("list every error code of the apps' own", () => {
    const known = documented('docs/errors.md');
    // jwt-guard's own are all in its table.
    const outside = sources().filter((path) => !path.startsWith('libs/jwt-guard/'));
    const thrown = outside.flatMap((path) =>
      [...read(path).matchAll(/(?:ProblemException\(\s*\d+,|OAuthError\(|\[)\s*'([a-z]+_[a-z_]+)',/g)].map(
        ([, code = '']) => code,
      ),
    );
    expect(thrown.length).toBeGreaterThan(20);
    expect([...new Set(thrown)].filter((code) => !known.has(code))).toEqual([]);
  });

  it('lead to files that are there', () => {
    const docs = ['configuration', 'errors', 'keys', 'revocation', 'users-and-clients'].map(
      (name) => `docs/${name}.md`,
    );
    const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...docs];
    for (const page of pages) {
      const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link);
      expect(links.filter((link) => !existsSync(resolve(ROOT, page, '..', link)))).toEqual([]);
    }
    // The boxes of the README's picture name files.
    const boxes = [...read('README.md').matchAll(/((?:apps|jwt-guard)\/[\w./-]+\.ts)/g)].map(([, path = '']) => path);
    expect(boxes.length).toBeGreaterThan(6);
    for (const path of boxes) {
      expect(() => read(path.startsWith('jwt-guard') ? `libs/${path}` : path)).not.toThrow();
    }
  });
});
