import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const MANIFEST = {
  name: '@token-relay/jwt-guard',
  version: '1.2.3',
  main: './dist/index.js',
  types: './dist/index.d.ts',
  bin: { 'jwt-guard': 'dist/core/cli.js' },
  files: ['dist', 'testing'],
  exports: {
    '.': { '@token-relay/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
    './package.json': './package.json',
  },
  dependencies: { declared: '1.0.0' },
  peerDependencies: { '@scope/peer': '^1.0.0' },
  devDependencies: { undeclared: '1.0.0' },
};

/** A workspace that is as small as can be, and right. */
const WORKSPACE: Readonly<Record<string, string>> = {
  LICENSE: 'MIT',
  'CHANGELOG.md': '# Changelog\n',
  'libs/jwt-guard/package.json': JSON.stringify(MANIFEST),
  'libs/jwt-guard/README.md':
    'See [the changes](CHANGELOG.md), [below](#below) and [there](https://there.example/a).\n',
  'libs/jwt-guard/src/index.ts': '',
  'libs/jwt-guard/src/index.spec.ts': '',
  'libs/jwt-guard/src/core/cli.ts': '',
  'libs/jwt-guard/dist/index.js':
    'require("./core/cli");\nrequire("declared/sub");\n//# sourceMappingURL=index.js.map\n',
  'libs/jwt-guard/dist/index.js.map': '{}',
  'libs/jwt-guard/dist/index.d.ts': 'export type Peer = import("@scope/peer/sub").Peer;\n',
  'libs/jwt-guard/dist/core/cli.js': 'require("..");\nrequire("node:fs");\n',
  'libs/jwt-guard/dist/core/cli.d.ts': 'export {} from "../index";\n',
  'libs/jwt-guard/dist/removed-long-ago.js': '',
  'libs/jwt-guard/dist/tsconfig.tsbuildinfo': '{}',
  'libs/testing/src/index.ts': '',
  'libs/testing/dist/index.js': '',
  'libs/testing/dist/index.d.ts': '',
};

describe('package-jwt-guard', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'package-jwt-guard-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Packages the workspace with these files in place of its own; `null` takes one away. */
  function packaged(changes: Readonly<Record<string, string | null>> = {}) {
    for (const [path, text] of Object.entries({ ...WORKSPACE, ...changes })) {
      if (text === null) continue;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const { status, stderr } = spawnSync('node', [resolve(__dirname, 'package-jwt-guard.mjs'), root], {
      encoding: 'utf8',
    });
    return {
      status,
      faults: stderr
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    };
  }
  const target = () => join(root, 'dist/libs/jwt-guard');

  it('holds what was made of the sources, the test helpers and the papers, and nothing else', () => {
    expect(packaged()).toEqual({ status: 0, faults: [] });
    const files = readdirSync(target(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(target().length + 1));
    expect(files.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist/core/cli.d.ts',
      'dist/core/cli.js',
      'dist/index.d.ts',
      'dist/index.js',
      'package.json',
      'testing/index.d.ts',
      'testing/index.js',
    ]);
    expect(readFileSync(join(target(), 'dist/index.js'), 'utf8')).toBe(
      'require("./core/cli");\nrequire("declared/sub");\n',
    );
  });

  it('has a manifest that says nothing about the workspace', () => {
    packaged();
    const published: Partial<typeof MANIFEST> = { ...MANIFEST };
    delete published.devDependencies;
    expect(JSON.parse(readFileSync(join(target(), 'package.json'), 'utf8'))).toEqual({
      ...published,
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './testing': { types: './testing/index.d.ts', default: './testing/index.js' },
        './package.json': './package.json',
      },
    });
  });

  const faulty: [what: string, changes: Record<string, string | null>, fault: string][] = [
    [
      'a dependency that only the workspace has',
      { 'libs/testing/dist/index.js': 'const u = require("undeclared");' },
      "testing/index.js needs undeclared, which the package doesn't declare",
    ],
    [
      'one that is loaded late',
      { 'libs/jwt-guard/dist/index.js': 'async () => await import("@scope/other/sub");' },
      "dist/index.js needs @scope/other, which the package doesn't declare",
    ],
    [
      'one of the types alone',
      { 'libs/testing/dist/index.d.ts': "import { type JWK } from 'undeclared';" },
      "testing/index.d.ts needs undeclared, which the package doesn't declare",
    ],
    [
      'types that are referred to',
      { 'libs/jwt-guard/dist/index.d.ts': '/// <reference types="undeclared" />\n' },
      "dist/index.d.ts needs undeclared, which the package doesn't declare",
    ],
    [
      'a file of another project',
      { 'libs/jwt-guard/dist/index.js': 'require("../../other");', 'dist/libs/other/index.js': '' },
      "dist/index.js needs ../../other, which isn't in the package",
    ],
    [
      'a source that was not built',
      { 'libs/jwt-guard/dist/core/cli.d.ts': null },
      'libs/jwt-guard/dist/core/cli.d.ts is missing: build it first',
    ],
    [
      'a bin that is not there',
      { 'libs/jwt-guard/src/core/cli.ts': null, 'libs/jwt-guard/dist/index.js': '' },
      "package.json names dist/core/cli.js, which isn't in the package",
    ],
    [
      'a link out of the package',
      { 'libs/jwt-guard/README.md': '[errors](../../docs/errors.md)' },
      "README.md links to ../../docs/errors.md, which isn't in the package",
    ],
    [
      'a link to a source',
      { 'CHANGELOG.md': '[index](libs/jwt-guard/src/index.ts#L1)' },
      "CHANGELOG.md links to libs/jwt-guard/src/index.ts, which isn't in the package",
    ],
  ];
  it.each(faulty)('fails on %s, and leaves no package', (_, changes, fault) => {
    expect(packaged(changes)).toEqual({ status: 1, faults: [fault] });
    expect(existsSync(target())).toBe(false);
  });
});
