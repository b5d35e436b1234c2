/** As in alerts.yaml, as far as it says when an alert fires. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** In Prometheus' notation, one number and one unit. Absent: it fires at once. */
  readonly for?: string;
}

export interface AlertMutant {
  readonly title: string;
  readonly rule: AlertRule;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
/** One reading of alerts.test.yaml. */
const READING_SECONDS = 10;

/** The same alert with another threshold, window, label or time to wait: one thing is different in each. */
export function mutantsOf(rule: AlertRule): AlertMutant[] {
  return [...mutantsOfExpression(rule), ...mutantsOfWait(rule)];
}

function mutantsOfExpression(rule: AlertRule): AlertMutant[] {
  const { expr } = rule;
  const changed = (pattern: RegExp, change: (match: RegExpMatchArray) => readonly string[]): AlertMutant[] =>
    [...expr.matchAll(pattern)].flatMap((match) =>
      change(match).map((text) => ({
        title: `${match[0]} at ${match.index} is ${text}`,
        rule: { ...rule, expr: expr.slice(0, match.index) + text + expr.slice(match.index + match[0].length) },
      })),
    );
  return [
    ...changed(/([<>]) (\d+(?:\.\d+)?)/g, ([, sign, number]) => others(Number(number)).map((one) => `${sign} ${one}`)),
    ...changed(/==/g, () => ['!=']),
    ...changed(/\[(\d+)m\]/g, ([, minutes]) => [`[${5 * Number(minutes)}m]`]),
    ...changed(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g, ([matcher, label, values = '']) => [
      ...values.split('|').map((value) => matcher.replace(value, 'another')),
      `${label}=~".*"`,
    ]),
  ];
}

function others(number: number): readonly number[] {
  return number === 0 ? [-1, 1] : [number / 2, number * 2];
}

/** A reading less, and one more. */
function mutantsOfWait(rule: AlertRule): AlertMutant[] {
  const [, number, unit = ''] = /^(\d+)([smh])$/.exec(rule.for ?? '') ?? [];
  if (number === undefined) return [];
  const seconds = Number(number) * (UNIT_SECONDS[unit] ?? NaN);
  return [seconds - READING_SECONDS, seconds + READING_SECONDS].map((other) => ({
    title: `for: ${rule.for} is ${other}s`,
    rule: { ...rule, for: `${other}s` },
  }));
}
