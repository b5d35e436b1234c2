import { describeWith } from '@token-relay/testing/servers';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { type AlertRule, mutantsOf } from './alert-mutants';

const FOLDER = resolve(__dirname, '../../deploy/monitoring');
const parsed = (file: string): unknown => parse(readFileSync(join(FOLDER, file), 'utf8'));

const PROMTOOL = { name: 'promtool', debianPackage: 'prometheus', variable: 'PROMTOOL' };
const promtool = process.env.PROMTOOL ?? 'promtool';

interface Case {
  readonly name: string;
  readonly promql_expr_test?: readonly object[];
}
const { groups } = parsed('alerts.yaml') as { readonly groups: readonly { readonly rules: readonly AlertRule[] }[] };
const { tests, ...settings } = parsed('alerts.test.yaml') as { readonly tests: readonly Case[] };

describe('the mutants of an alert', () => {
  it('are each different in one thing', () => {
    const rule = { alert: 'A', expr: 'rate(x{code=~"a|b"}[1m]) > 0 and y == 20', for: '1m' };
    expect(mutantsOf(rule).map(({ rule: { expr, for: wait } }) => `${expr}, ${wait}`)).toEqual([
      'rate(x{code=~"a|b"}[1m]) > -1 and y == 20, 1m',
      'rate(x{code=~"a|b"}[1m]) > 1 and y == 20, 1m',
      'rate(x{code=~"a|b"}[1m]) > 0 and y != 20, 1m',
      'rate(x{code=~"a|b"}[5m]) > 0 and y == 20, 1m',
      'rate(x{code=~"another|b"}[1m]) > 0 and y == 20, 1m',
      'rate(x{code=~"a|another"}[1m]) > 0 and y == 20, 1m',
      'rate(x{code=~".*"}[1m]) > 0 and y == 20, 1m',
      'rate(x{code=~"a|b"}[1m]) > 0 and y == 20, 50s',
      'rate(x{code=~"a|b"}[1m]) > 0 and y == 20, 70s',
    ]);
  });
});

describeWith(PROMTOOL)('the cases of the alerts', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'alert-mutants-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const alerts = groups.flatMap(({ rules }) => rules);
  const AS_IT_IS = 'as it is';
  const variants = alerts.flatMap((alert) =>
    [{ title: AS_IT_IS, rule: alert }, ...mutantsOf(alert)].map((variant, index) => ({
      ...variant,
      of: alert.alert,
      id: `${alert.alert}_${index}`,
    })),
  );

  /** A file of tests, and one of rules: each variant of the alert by a name of its own, asked what the alert is asked. */
  function fileOf(alert: string): string {
    const own = variants.filter(({ of }) => of === alert);
    const asked = tests.filter(({ name, promql_expr_test: checks }) => checks && name.startsWith(`${alert} `));
    const askedOf = (id: string, checks: readonly object[]) =>
      JSON.parse(JSON.stringify(checks).replaceAll(alert, id)) as object[];
    mkdirSync(join(folder, alert));
    const rules = own.map(({ rule, id }) => ({ ...rule, alert: id }));
    writeFileSync(join(folder, alert, 'alerts.yaml'), stringify({ groups: [{ name: alert, rules }] }));
    const file = join(folder, alert, 'alerts.test.yaml');
    const cases = asked.map(({ promql_expr_test: checks = [], ...one }) => ({
      ...one,
      promql_expr_test: own.flatMap(({ id }) => askedOf(id, checks)),
    }));
    writeFileSync(file, stringify({ ...settings, tests: cases }));
    return file;
  }

  it('see every mutant of every alert, and take the alert as it is', () => {
    const files = alerts.map(({ alert }) => fileOf(alert));
    const { stdout, stderr } = spawnSync(promtool, ['test', 'rules', ...files], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const failed = new Set([...(stdout + stderr).matchAll(/alertname=\\?"(\w+)\\?"/g)].map(([, id]) => id));
    const unseen = variants.filter(({ id }) => !failed.has(id)).map(({ of, title }) => `${of}: ${title}`);
    expect(unseen).toEqual(alerts.map(({ alert }) => `${alert}: ${AS_IT_IS}`));
    expect(variants.length).toBeGreaterThan(200);
  });
});
