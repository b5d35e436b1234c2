import { type Bench, type Table } from '../harness/part';
import { type Entry, interleaved, type Rounds } from '../harness/rounds';
import { of, time } from '../harness/tables';
import { growthTable } from './growth-table';
import { type SizedSetting } from './verification';

/** How many keys a set has. */
const KEYS = [1, 10, 50];
const KEYS_QUICK = [1, 50];
/** How long a token is: from the shortest to what verifiers take at most. */
const BYTES = [512, 2_048, 8_192];
const BYTES_QUICK = [512, 8_192];
const FEW_KEYS = 1;
const FEW_BYTES = 512;
const WAYS = ['warm', 'cold'] as const;

/** What a verification takes with more keys, and of longer tokens. */
export async function verificationSizes(bench: Bench): Promise<Table[]> {
  const keys = (bench.quick ? KEYS_QUICK : KEYS).map((count) => ({ keys: count, bytes: FEW_BYTES }));
  const bytes = (bench.quick ? BYTES_QUICK : BYTES).map((length) => ({ keys: FEW_KEYS, bytes: length }));
  // What both begin with is the same.
  const entries = [...keys, ...bytes.slice(1)].flatMap((setting) => WAYS.map((way) => entry(way, setting)));
  const rounds = await interleaved(
    bench.quick ? { ...bench, turnMs: bench.turnMs / 3 } : bench,
    'keys and sizes',
    entries,
  );
  const about =
    'From the header on, which is made of bytes each time, and ES256. A warm one was verified before, a cold one not.';
  return [
    table('Keys in the set', 'keys', keys, 'keys', rounds, [
      about,
      'Tokens are signed with each of the keys in turns.',
    ]),
    table('Length of the token', 'bytes', bytes, 'bytes', rounds, [
      'What makes them longer are the groups that a user is in. 8 KiB is what a verifier takes at most.',
    ]),
  ];
}

function table(
  title: string,
  name: string,
  settings: readonly SizedSetting[],
  size: keyof SizedSetting,
  rounds: Rounds,
  notes: readonly string[],
): Table {
  const rows = WAYS.map((way) => ({
    label: `a verification, ${way}`,
    figures: settings.map((setting) => of(rounds, labelOf(way, setting))),
    shown: time,
  }));
  return growthTable(
    title,
    name,
    settings.map((setting) => setting[size]),
    rows,
    notes,
  );
}

function entry(way: (typeof WAYS)[number], setting: SizedSetting): Entry<SizedSetting> {
  return { label: labelOf(way, setting), module: 'growth/verification', name: way, setting };
}

function labelOf(way: (typeof WAYS)[number], { keys, bytes }: SizedSetting): string {
  return `${way}, ${keys} keys, ${bytes} bytes`;
}
