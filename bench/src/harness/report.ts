import { type Measured } from './machine';
import { type Table, type Target } from './part';
import { digits, spread } from './tables';

/** What one Node has given. */
export interface Run {
  readonly measured: Measured;
  readonly parts: readonly { readonly name: string; readonly title: string; readonly tables: readonly Table[] }[];
  readonly targets: readonly Target[];
}

/** @param command what repeats it */
export function markdown(runs: readonly Run[], command: string, plot: string | undefined): string {
  const [first] = runs;
  if (!first) throw new Error('there is nothing to report');
  const { commit, date, machine, pinning, versions } = first.measured;
  return [
    '# Results',
    `\`${command}\`, ${date}, at commit ${commit}, on ${machine}; ${pinning}.`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(' · '),
    'Every figure is the median of rounds in which everything that is compared takes its turn; the middle half of the rounds lies between the two figures beside it. Ratios are taken round by round.',
    ...(plot === undefined ? [] : [`![What is compared, as bars](${plot})`]),
    ...runs.flatMap(({ measured, parts, targets }) => [
      `## Node ${measured.node.replace('v', '')}`,
      ...(targets.length > 0 ? ['### What was to be reached', targetsTable(targets)] : []),
      ...parts.flatMap(({ title, tables }) => [`### ${title}`, ...tables.flatMap(section)]),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** For whoever looks at a terminal. */
export function text(run: Run): string {
  return [
    `Node ${run.measured.node.replace('v', '')}`,
    ...(run.targets.length > 0 ? [targetsTable(run.targets)] : []),
    ...run.parts.flatMap(({ title, tables }) => [title, ...tables.flatMap(section)]),
  ].join('\n\n');
}

export function isReached({ value, atLeast = -Infinity, atMost = Infinity }: Target): boolean {
  return value.median >= atLeast && value.median <= atMost;
}

/** Whether the generous bounds of the regression check hold. */
export function holds({ value, check }: Target): boolean {
  return value.median >= (check?.atLeast ?? -Infinity) && value.median <= (check?.atMost ?? Infinity);
}

function section({ title, columns, rows, notes = [] }: Table): string[] {
  return [`**${title}**`, table(columns, rows), ...notes];
}

function targetsTable(targets: readonly Target[]): string {
  return table(
    ['', 'to reach', 'measured', 'middle half', ''],
    targets.map((target) => {
      const { name, value, atLeast, atMost, unit = '' } = target;
      const bound = [atLeast !== undefined && `≥ ${atLeast}${unit}`, atMost !== undefined && `≤ ${atMost}${unit}`];
      return [
        name,
        bound.filter(Boolean).join(', '),
        `${digits(value.median)}${unit}`,
        spread(value, unit),
        isReached(target) ? 'reached' : 'missed',
      ];
    }),
  );
}

function table(columns: readonly string[], rows: Table['rows']): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_column, index) => (index === 0 ? '---' : '--:'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
