// npm run bench: measures, and says what came of it. The README of this folder says how.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { unpin } from './harness/cores';
import { measured } from './harness/machine';
import { type Bench, type Part, type Plot } from './harness/part';
import { svg } from './harness/plot';
import { holds, markdown, type Run, text } from './harness/report';
import { PARTS } from './parts';

/** The Node whose figures are the judged ones. */
const JUDGED = '24';
const RESULTS = resolve(__dirname, '../RESULTS.md');
const PLOT = resolve(__dirname, '../results.svg');

const { values: asked } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    part: { type: 'string', multiple: true },
    node: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const USAGE = `npm run bench -- [options]

  --part <name>      only this part, of ${PARTS.map(({ name }) => name).join(', ')}; may be repeated
  --quick            a bit of everything, once, in under a minute; nothing is precise
  --check            only what the regression check asks for; fails when a ratio is out of its bounds
  --json             for machines, on the standard output
  --node <version>   measures on this Node, a path or a version that npx fetches; may be repeated.
                     Default: ${JUDGED}, and beside it the one that this is run with; with --quick and --check the latter alone
  --rounds <number>  how often everything takes its turn

A whole run writes bench/RESULTS.md and bench/results.svg.
`;

async function main(): Promise<number> {
  if (asked.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (asked.quick) unpin();
  const parts = chosen(asked.part);
  const runs: Run[] = [];
  const plots: Plot[] = [];
  for (const node of nodes(asked.node)) {
    const run = await measure(node, parts, runs.length === 0 ? plots : []);
    runs.push(run);
    if (!asked.json) process.stdout.write(`${text(run)}\n\n`);
    // Half a run would take the place of a whole one.
    if (!asked.quick && !asked.check && asked.part === undefined) {
      writeFileSync(PLOT, svg(plots));
      writeFileSync(RESULTS, markdown(runs, command(), 'results.svg'));
    }
  }
  if (asked.json) process.stdout.write(`${JSON.stringify({ runs, plots }, undefined, 2)}\n`);
  return asked.check ? checked(runs) : 0;
}

/** What repeats this run. */
function command(): string {
  const words = process.argv.slice(2);
  return words.length === 0 ? 'npm run bench' : `npm run bench -- ${words.join(' ')}`;
}

function chosen(names: readonly string[] = PARTS.map(({ name }) => name)): Part[] {
  return names.map((name) => {
    const part = PARTS.find((one) => one.name === name);
    if (!part) throw new Error(`there is no part ${name}: ${PARTS.map((one) => one.name).join(', ')}`);
    return part;
  });
}

/** @returns paths */
function nodes(versions: readonly string[] | undefined): string[] {
  if (versions) return versions.map(pathOf);
  if (asked.quick || asked.check || process.versions.node.startsWith(`${JUDGED}.`)) return [process.execPath];
  return [pathOf(JUDGED), process.execPath];
}

function pathOf(version: string): string {
  if (version.includes('/')) return version;
  if (process.versions.node.split('.')[0] === version) return process.execPath;
  return execFileSync('npx', ['-y', `node@${version}`, '-p', 'process.execPath'], { encoding: 'utf8' }).trim();
}

async function measure(node: string, parts: readonly Part[], plots: Plot[]): Promise<Run> {
  const { quick, check } = asked;
  const isShort = quick || check;
  const what = measured(node);
  const bench: Bench = {
    node,
    quick: isShort,
    check,
    rounds: Number(asked.rounds ?? (quick ? 1 : check ? 3 : 5)),
    turnMs: isShort ? 100 : 1_000,
    progress: (line) => void process.stderr.write(`${what.node} ${line}\n`),
  };
  const run = { measured: what, parts: [] as Run['parts'][number][], targets: [] as Run['targets'][number][] };
  for (const part of parts) {
    const { tables, targets, plots: drawn } = await part.run(bench);
    run.parts.push({ name: part.name, title: part.title, tables });
    run.targets.push(...targets);
    plots.push(...drawn);
  }
  return run;
}

function checked(runs: readonly Run[]): number {
  const targets = runs.flatMap((run) => run.targets.filter(({ check }) => check));
  if (targets.length === 0) throw new Error('nothing was checked');
  const broken = targets.filter((target) => !holds(target));
  for (const { name, value, check } of broken)
    process.stderr.write(`${name}: ${value.median.toFixed(2)} is not within ${JSON.stringify(check)}\n`);
  process.stderr.write(`${targets.length - broken.length} of ${targets.length} ratios are within their bounds\n`);
  return broken.length === 0 ? 0 : 1;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
