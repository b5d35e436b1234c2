// Makes of the built library, and of the built test helpers, the package that is published: dist/libs/jwt-guard.
// Why it is made so is in docs/adr/0007. Takes another root than this workspace's as its argument, for its test.
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const library = join(root, 'libs/jwt-guard');
const target = join(root, 'dist/libs/jwt-guard');
const faults = [];

await rm(target, { recursive: true, force: true });
await copyBuilt(library, 'dist');
// A folder of its own name, so that resolvers that know no `exports` find `…/jwt-guard/testing` as well.
// Without the servers that this workspace's own tests start.
await copyBuilt(join(root, 'libs/testing'), 'testing', /^servers\//);
await cp(join(library, 'README.md'), join(target, 'README.md'));
for (const name of ['LICENSE', 'CHANGELOG.md']) await cp(join(root, name), join(target, name));
const manifest = publishedManifest(JSON.parse(await readFile(join(library, 'package.json'), 'utf8')));
await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

checkManifest();
for (const path of await filesOf(target)) {
  const text = await readFile(join(target, path), 'utf8');
  if (/\.(js|d\.ts)$/.test(path)) checkImports(path, text);
  if (path.endsWith('.md')) checkLinks(path, text);
}

if (faults.length > 0) {
  console.error(`dist/libs/jwt-guard can't be made:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  // Half a package could be published by mistake.
  await rm(target, { recursive: true });
  process.exitCode = 1;
}

/**
 * Copies what the compiler made of each source, and nothing else that is left in its output folder: what it made of
 * sources that are gone, build information, and maps, which would point to sources that aren't in the package.
 */
async function copyBuilt(project, folder, left = /^$/) {
  const sources = (await filesOf(join(project, 'src'))).filter(
    (path) => /(?<!\.spec|\.d)\.ts$/.test(path) && !left.test(path),
  );
  for (const path of sources.flatMap((source) => ['.js', '.d.ts'].map((end) => source.replace(/\.ts$/, end)))) {
    const built = join(project, 'dist', path);
    if (!existsSync(built)) {
      faults.push(`${relative(root, built)} is missing: build it first`);
      continue;
    }
    const text = (await readFile(built, 'utf8')).replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    await mkdir(dirname(join(target, folder, path)), { recursive: true });
    await writeFile(join(target, folder, path), text);
  }
}

/** The workspace's own manifest without what only the workspace can resolve, and with the test helpers. */
function publishedManifest({ devDependencies: _, exports: { '.': entry, ...others }, ...manifest }) {
  const { '@token-relay/source': __, ...published } = entry;
  const testing = { types: './testing/index.d.ts', default: './testing/index.js' };
  return { ...manifest, exports: { '.': published, './testing': testing, ...others } };
}

function checkManifest() {
  const leaves = (value) => (typeof value === 'object' ? Object.values(value).flatMap(leaves) : [value]);
  const { main, types, bin = {}, exports, files } = manifest;
  for (const path of leaves({ main, types, bin, exports, files })) {
    if (!isPacked(join(target, path))) faults.push(`package.json names ${path}, which isn't in the package`);
  }
}

/** Whatever the package loads, or its types refer to, is in it, or in Node, or declared by it. */
function checkImports(path, text) {
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, true);
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  const end = path.endsWith('.js') ? '.js' : '.d.ts';
  for (const { fileName } of [...importedFiles, ...typeReferenceDirectives]) {
    if (isBuiltin(fileName) || fileName === 'node') continue;
    if (fileName.startsWith('.')) {
      const file = join(target, dirname(path), fileName);
      const found = [file, file + end, join(file, `index${end}`)].some((name) => name.endsWith(end) && isPacked(name));
      if (!found) faults.push(`${path} needs ${fileName}, which isn't in the package`);
    } else {
      const name = fileName.split('/', fileName.startsWith('@') ? 2 : 1).join('/');
      if (!(name in declared)) faults.push(`${path} needs ${name}, which the package doesn't declare`);
    }
  }
}

/** Links out of the package lead nowhere once it is installed. */
function checkLinks(path, text) {
  for (const [, link] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
    if (!isPacked(join(target, dirname(path), link)))
      faults.push(`${path} links to ${link}, which isn't in the package`);
  }
}

function isPacked(file) {
  return existsSync(file) && !relative(target, file).startsWith('..');
}

async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
