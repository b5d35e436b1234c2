import { type Bench, type Table } from '../harness/part';
import { slope } from '../harness/statistics';
import { Worker } from '../harness/worker';
import { type VerifierMemory } from './verifier-memory';

/** How many tokens: the last is what is remembered by default. */
const VERDICTS = [1_000, 10_000];
const VERDICTS_QUICK = [500, 2_000];
const REVOCATIONS = [10_000, 100_000];
const REVOCATIONS_QUICK = [1_000, 10_000];

/** What a verifier holds: the tokens that it remembers, and its copy of what is revoked. */
export async function verifierMemory(bench: Bench): Promise<Table> {
  const worker = await Worker.start<VerifierMemory>(
    bench,
    { label: 'a verifier', module: 'growth/verifier-memory', name: 'openVerifierMemory', setting: {} },
    'measured',
  );
  try {
    const rows: (readonly (string | number)[])[] = [];
    for (const [label, task, sizes] of [
      ['tokens that it remembers', 'verdicts', bench.quick ? VERDICTS_QUICK : VERDICTS],
      ['entries of what is revoked', 'revocations', bench.quick ? REVOCATIONS_QUICK : REVOCATIONS],
    ] as const) {
      bench.progress(`what a verifier holds: ${label}`);
      // What the first does besides – compiling, above all – isn't theirs.
      await worker.ask(task, sizes[0] ?? 0);
      const each: number[] = [];
      for (const size of sizes) each.push(await worker.ask(task, size));
      rows.push(...sizes.map((size, i) => row(label, size, each[i] ?? NaN)));
      const exponent = slope(sizes.map((size, i) => [size, size * (each[i] ?? NaN)]));
      rows.push([`slope of all ${label}`, '', '', exponent.toFixed(2)]);
    }
    return {
      title: 'What a verifier holds in memory',
      columns: ['', 'how many', 'bytes each', 'all of them'],
      rows,
      notes: [
        `Bytes that are in use after a collection of garbage. It remembers 10,000 tokens at most, and 16 MiB of them by its own estimate. Tokens are as auth issues them at a login.`,
      ],
    };
  } finally {
    await worker.stop();
  }
}

function row(label: string, size: number, bytes: number): (string | number)[] {
  return [label, size.toLocaleString('en'), Math.round(bytes), `${((size * bytes) / 2 ** 20).toFixed(1)} MiB`];
}
