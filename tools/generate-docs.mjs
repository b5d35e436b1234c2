// Writes the tables of the docs that repeat what stands in the library's sources: options, from the docstrings and
// types of their interfaces, and errors, from the table of refusals. With --check it only says which are out of date.
// Takes another root than this workspace's as its argument, for its test.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import ts from 'typescript';

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
const root = resolve(positionals[0] ?? join(import.meta.dirname, '..'));
const source = join(root, 'libs/jwt-guard/src');

const INTERFACES = [
  'TokenVerifierOptions',
  'IssuerOptions',
  'JwtGuardOptions',
  'WebSocketOptions',
  'CensusOptions',
  'RelayOptions',
  'DestinationContract',
];
const { REJECTIONS, OUTAGES } = load(join(source, 'core/refusals.ts'));

/** What each page has to hold, between `<!-- generated: name -->` and `<!-- end -->`. */
const PAGES = {
  'libs/jwt-guard/README.md': { options: optionTables, errors: () => errorTable({ ...REJECTIONS, ...OUTAGES }) },
  'docs/errors.md': { rejections: () => errorTable(REJECTIONS), outages: () => outageTable(OUTAGES) },
};

for (const [page, blocks] of Object.entries(PAGES)) {
  const path = join(root, page);
  const before = readFileSync(path, 'utf8');
  const format = { ...(await prettier.resolveConfig(path)), parser: 'markdown' };
  const after = await prettier.format(filled(page, before, blocks), format);
  if (after === before) continue;
  if (values.check) {
    console.error(`${page} is not what its sources say: npm run docs`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, after);
    console.log(`${page} written`);
  }
}

function filled(page, text, blocks) {
  let rest = text;
  for (const [name, content] of Object.entries(blocks)) {
    const parts = rest.split(new RegExp(`(?<=^<!-- generated: ${name} -->\n)[^]*?(?=^<!-- end -->$)`, 'm'));
    // Without its place a table would be left out, and nothing would ever be wrong with it.
    if (parts.length !== 2) throw new Error(`${page} has no place, or several, for the generated ${name}`);
    rest = parts.join(`\n${content()}\n\n`);
  }
  return rest;
}

function errorTable(rows) {
  const cells = Object.entries(rows).map(([code, { status, error, text }]) => [
    `\`${code}\``,
    status,
    error ? `\`${error}\`` : '–',
    text,
  ]);
  return table(['code', 'status', '`error`', 'text'], cells);
}

function outageTable(rows) {
  return table(
    ['code', 'status', 'text'],
    Object.entries(rows).map(([code, { status, text }]) => [`\`${code}\``, status, text]),
  );
}

function optionTables() {
  const index = join(source, 'index.ts');
  const program = ts.createProgram([index], {
    module: ts.ModuleKind.Node20,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    strict: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(index)));
  return INTERFACES.map((name) => {
    const symbol = exported.find((candidate) => candidate.name === name);
    if (!symbol) throw new Error(`the library does not export ${name}`);
    const declared = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return optionTable(name, declared, checker);
  }).join('\n\n');
}

function optionTable(name, symbol, checker) {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const alternatives = (type.isUnion() ? type.types : [type]).map((one) => checker.getPropertiesOfType(one));
  const inherited = new Set();
  const properties = new Map();
  for (const property of alternatives.flat()) {
    const owner = property.declarations[0].parent.name?.text;
    // What a documented interface has from another one is documented there.
    if (owner !== name && INTERFACES.includes(owner)) inherited.add(owner);
    // `other?: never` says that an alternative does not have it.
    else if (!['never', 'undefined'].includes(typeText(property, checker))) {
      properties.set(property.name, [...(properties.get(property.name) ?? []), property]);
    }
  }
  // As they stand in the source: what all alternatives have comes first there.
  const inOrder = [...properties].sort(([, [a]], [, [b]]) => a.declarations[0].pos - b.declarations[0].pos);
  const rows = inOrder.map(([property, symbols]) => {
    const [text, byDefault] = description(symbols[0], checker);
    const required = symbols.filter(({ flags }) => !(flags & ts.SymbolFlags.Optional)).length;
    const need = required === alternatives.length ? '**required**' : required > 0 ? 'alternative' : (byDefault ?? '–');
    const types = [...new Set(symbols.map((one) => typeText(one, checker)))].join(' | ');
    return [`\`${property}\``, `\`${types}\``, need, text];
  });
  const [about] = description(symbol, checker);
  const also = [...inherited].map((other) => `All of \`${other}\`, and:`);
  return [`### \`${name}\``, about, ...also, table(['option', 'type', 'default', ''], rows)]
    .filter(Boolean)
    .join('\n\n');
}

/** As it is written, not as the checker would spell it out: a name says more than what it stands for. */
function typeText(property, checker) {
  const [declaration] = property.declarations;
  if (!ts.isPropertySignature(declaration)) return checker.typeToString(checker.getTypeOfSymbol(property));
  return declaration.type.getText().replace(/\s+/g, ' ');
}

/** The docstring on one line, and what it gives as the default. */
function description(symbol, checker) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ');
  const byDefault = /\s*Default: (.+?)\.(?= [A-Z`]|$)/.exec(text);
  return [text.replace(byDefault?.[0] ?? '', ''), byDefault?.[1]];
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Runs a source file, and what it imports: the docs must not depend on a build, which could be an old one. */
function load(file) {
  const module = { exports: {} };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const require = (name) =>
    name.startsWith('.') ? load(join(dirname(file), `${name}.ts`)) : createRequire(file)(name);
  new Function('module', 'exports', 'require', outputText)(module, module.exports, require);
  return module.exports;
}
