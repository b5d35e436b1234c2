import { type Bench, type Table } from '../harness/part';
import { type Entry, interleaved, type Rounds } from '../harness/rounds';
import { summary } from '../harness/statistics';
import { digits, of, spread, time, times } from '../harness/tables';
import { type SignerSetting } from './signers';

const AT_ONCE = 16;
const KEYS: readonly (SignerSetting & { readonly label: string })[] = [
  { label: 'ES256', algorithm: 'ES256' },
  { label: 'EdDSA', algorithm: 'EdDSA' },
  { label: 'RS256, 2048 bits', algorithm: 'RS256', bits: 2048 },
  { label: 'PS256, 2048 bits', algorithm: 'PS256', bits: 2048 },
  { label: 'RS256, 3072 bits', algorithm: 'RS256', bits: 3072 },
];

/** What a signature takes, by algorithm: by itself, and as a token of auth's. */
export async function signing(bench: Bench): Promise<Table> {
  const entries = KEYS.flatMap(({ label, ...setting }): Entry<SignerSetting>[] => [
    { label: bareOf(label), module: 'issuing/signers', name: 'bare', setting },
    { label: joseOf(label), module: 'issuing/signers', name: 'throughJose', setting: { ...setting, atOnce: AT_ONCE } },
  ]);
  const rounds = await interleaved(bench.quick ? { ...bench, turnMs: bench.turnMs / 4 } : bench, 'signing', entries);
  return {
    title: 'A signature, by algorithm',
    columns: [
      '',
      '`crypto.sign`',
      'middle half',
      'in times of ES256',
      'a token by jose, each',
      'middle half',
      'in times of `crypto.sign`',
      'middle half',
    ],
    rows: KEYS.map(({ label }) => row(rounds, label)),
    notes: [
      `One core. jose's figure is that of ${AT_ONCE} tokens under way at once, as auth makes them: claims, header and encoding are in it, and the way to a thread of the crypto library and back. auth's own RSA keys have 2048 bits.`,
    ],
  };
}

function row(rounds: Rounds, label: string): (string | number)[] {
  const [limit, token] = [bareOf(label), joseOf(label)];
  const overhead = times(rounds, token, limit);
  return [
    label,
    ...timeAndSpread(of(rounds, limit)),
    `${digits(times(rounds, limit, bareOf('ES256')).median)} ×`,
    ...timeAndSpread(of(rounds, token)),
    `${digits(overhead.median)} ×`,
    spread(overhead, ''),
  ];
}

function timeAndSpread(values: readonly number[]): [string, string] {
  const { median, low, high } = summary(values);
  return [time(median), `${time(low)}–${time(high)}`];
}

const bareOf = (label: string): string => `${label}, bare`;
const joseOf = (label: string): string => `${label}, by jose`;
