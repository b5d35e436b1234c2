import { styleText } from 'node:util';
import { escaped, printable, words } from '../core/describe-token';
import { type CheckTrace, type DecisionTrace, type StageTrace } from '../core/explain-token';

const SIGNS = { passed: '✓', failed: '✗', skipped: '–' } as const;
const STYLES = { passed: 'green', failed: 'red', skipped: 'gray' } as const;
const VERDICTS = { accepted: 'green', rejected: 'red', undecided: 'yellow' } as const;

type Style = Parameters<typeof styleText>[0];

/** The trace in words, for a terminal. */
export function printTrace(trace: DecisionTrace, notes: readonly string[], { colors }: { colors: boolean }): string {
  const style = (format: Style, text: string) => (colors ? styleText(format, text, { validateStream: false }) : text);
  const { outcome, code, reason, status, token, times, key } = trace;
  const verdict = style(['bold', VERDICTS[outcome]], outcome);
  const lines = [code === undefined ? verdict : `${verdict}: ${style('bold', code)} (${status}) ${reason}`, ''];

  for (const stage of trace.stages) {
    lines.push(`${style(STYLES[stage.outcome], SIGNS[stage.outcome])} ${stage.stage.replace('_', ' ')}`);
    lines.push(...shownChecks(stage).flatMap((check) => checkLines(check, style)));
  }
  lines.push('');

  const facts: (readonly [string, string | undefined])[] = [
    ['age', times?.age],
    ['time left', times?.remaining],
    ['key', key && keyLine(key)],
    ['token', token.redacted],
    ['header', token.header && printable(token.header)],
    [token.verified ? 'claims' : 'claims, unverified', token.claims && printable(token.claims)],
  ];
  for (const [name, value] of facts) if (value !== undefined) lines.push(`${style('gray', name)}: ${value}`);
  for (const hint of trace.hints) lines.push(`${style('yellow', 'hint')}: ${hint}`);
  for (const note of notes) lines.push(`${style('gray', 'note')}: ${note}`);
  return `${lines.join('\n')}\n`;
}

/** What is worth reading: of a stage that passed nothing, of one that wasn't reached what would have failed. */
function shownChecks({ outcome, checks }: StageTrace): readonly CheckTrace[] {
  return outcome === 'passed' ? [] : checks.filter((check) => check.outcome === 'failed');
}

function checkLines(check: CheckTrace, style: (format: Style, text: string) => string): string[] {
  const name = `${style(STYLES[check.outcome], SIGNS[check.outcome])} ${check.check}`;
  return [`    ${name}`, `        expected: ${check.expected}`, `        actual:   ${check.actual}`];
}

function keyLine({ kid, source, usable, ageSeconds }: NonNullable<DecisionTrace['key']>): string {
  const named = usable.find((key) => key.kid === kid);
  const age = ageSeconds === undefined ? '' : `, fetched ${words(ageSeconds)} ago`;
  return `${printable(kid)}${named ? ` (${named.algorithm})` : ', not one that can be used'}, from ${escaped(source)}${age}`;
}
