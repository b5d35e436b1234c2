import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

const pagesIn = (folder: string): string[] =>
  readdirSync(resolve(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
/** What GitHub makes of headings, for links that lead to them. */
const headings = (page: string): Set<string> =>
  new Set(
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
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

  it('have a runbook for every alert, which the index leads to', () => {
    const alerts = read('deploy/monitoring/alerts.yaml');
    const named = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    const runbooks = [...alerts.matchAll(/runbook_url: .*\}\}\/(operations\/[\w-]+\.md)(?:#(.*))?'$/gm)];
    expect(runbooks).toHaveLength(named.length);
    const missing = runbooks.filter(([, page, anchor]) => {
      const path = `docs/${page}`;
      return !existsSync(resolve(ROOT, path)) || (anchor !== undefined && !headings(path).has(anchor));
    });
    expect(missing.map(([line]) => line)).toEqual([]);
    const known = documented('docs/operations/README.md');
    expect(named.filter((name) => !known.has(name))).toEqual([]);
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

  it('lead to files, and to headings, that are there', () => {
    const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...pagesIn('docs'), ...pagesIn('docs/operations')];
    expect(pages.length).toBeGreaterThan(30);
    for (const page of pages) {
      const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
      const broken = links.filter(([, link = '', anchor]) => {
        const target = link === '' ? resolve(ROOT, page) : resolve(ROOT, page, '..', link);
        if (!existsSync(target)) return true;
        return anchor !== undefined && target.endsWith('.md') && !headings(target).has(anchor);
      });
      expect({ page, broken: broken.map(([text]) => text) }).toEqual({ page, broken: [] });
    }
    // The boxes of the README's picture name files.
    const boxes = [...read('README.md').matchAll(/((?:apps|jwt-guard)\/[\w./-]+\.ts)/g)].map(([, path = '']) => path);
    expect(boxes.length).toBeGreaterThan(6);
    for (const path of boxes) {
      expect(() => read(path.startsWith('jwt-guard') ? `libs/${path}` : path)).not.toThrow();
    }
  });
});
