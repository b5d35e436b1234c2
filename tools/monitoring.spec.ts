import { describeWith } from '@token-relay/testing/servers';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';

const FOLDER = resolve(__dirname, '../deploy/monitoring');
const read = (path: string): string => readFileSync(resolve(FOLDER, path), 'utf8');

const PROMTOOL = { name: 'promtool', debianPackage: 'prometheus', variable: 'PROMTOOL' };
const promtool = process.env.PROMTOOL ?? 'promtool';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const { groups } = parse(read('alerts.yaml')) as { groups: readonly { name: string; rules: readonly Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}
const dashboard = JSON.parse(read('dashboard.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
};
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
const shown = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** What each metric has besides `service`, by the tables of the docs; undefined for those of the process. */
const documented = new Map(
  [...read('../../docs/metrics.md').matchAll(/^\| `(token_relay_\w+)` *\| (\w+) *\| ([^|]*?) *\|/gm)].map(
    ([, name = '', type = '', labels = '']) =>
      [name, { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) }] as const,
  ),
);
const ofProcess = new Set(
  [...read('../../docs/metrics.md').matchAll(/`((?:process|nodejs)_\w+)`/g)].map(([, name]) => name),
);
/** What Prometheus adds to whatever it reads. */
const TARGET_LABELS = ['service', 'instance', 'job', 'component', 'le'];

/** The series that an expression reads, with the labels that it chooses them by. */
function seriesIn(expr: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expr.matchAll(/\b((?:token_relay|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label),
    }),
  );
}

/** What the docs name besides: values of labels, and codes. */
const namedValues = new Set(
  ['../../docs/metrics.md', '../../docs/errors.md'].flatMap((page) =>
    [...read(page).matchAll(/`([\w-]+)`/g)].map(([, value = '']) => value),
  ),
);
const STATUS_CLASS = /^(?:[1-5]|\[1-4\])xx$/;

/** The values by which an expression chooses series of ours, and that no page names. Variables of the dashboard are none. */
function unnamedValuesIn(expr: string): string[] {
  return [...expr.matchAll(/\btoken_relay_\w+\{([^}]*)\}/g)]
    .flatMap(([, matchers = '']) => [...matchers.matchAll(/[=~]"([^"$]*)"/g)])
    .flatMap(([, values = '']) => values.split('|'))
    .filter((value) => !namedValues.has(value) && !STATUS_CLASS.test(value));
}

/** What is wrong with the series that an expression reads. */
function faultsIn(expr: string): string[] {
  return seriesIn(expr).flatMap(({ name, labels }) => {
    if (!name.startsWith('token_relay_')) return ofProcess.has(name.replace(/_sum$/, '')) ? [] : [`no ${name}`];
    const histogram = documented.get(name.replace(/_(?:bucket|sum|count)$/, ''));
    const metric = documented.get(name) ?? histogram;
    // Of a histogram there is no series by its own name, and of everything else none by another.
    if (!metric || (metric.type === 'histogram') === documented.has(name)) return [`no ${name}`];
    const has = [...metric.labels, ...TARGET_LABELS];
    return labels.filter((label) => !has.includes(label)).map((label) => `no ${label} of ${name}`);
  });
}

describe('the alerts', () => {
  it('and the dashboard read what there is, by labels that it has', () => {
    expect(documented.size).toBeGreaterThan(25);
    expect([...alerts.map(({ expr }) => expr), ...shown].flatMap(faultsIn)).toEqual([]);
  });

  it('and the dashboard choose by values that the docs name', () => {
    expect([...alerts.map(({ expr }) => expr), ...shown].flatMap(unnamedValuesIn)).toEqual([]);
    expect(unnamedValuesIn('token_relay_x{code=~"alg_not_allowed|made_up", status!~"[1-4]xx"}')).toEqual(['made_up']);
  });

  it('leave out what an operator tries in the console, where they go by destination', () => {
    const source = (file: string): string => read(`../../apps/gateway/src/console/${file}`);
    const [, modes = ''] = /RELAY_VIEW_MODES = \[(.*)\]/.exec(source('relay/relay-view-contracts.ts')) ?? [];
    const [, heard = ''] = /HEARD_CONTRACT = '(.*)'/.exec(source('events/heard-contract.ts')) ?? [];
    const contracts = [...[...modes.matchAll(/'(\w+)'/g)].map(([, mode]) => `console-${mode}`), heard];
    expect(contracts.length).toBeGreaterThan(3);
    expect(contracts.filter((contract) => !namedValues.has(contract))).toEqual([]);
    const byDestination = alerts.filter(({ expr }) => expr.includes('destination'));
    const leftOut = byDestination.map(({ alert, expr }) => [
      alert,
      /destination!~"([^"]*)"/.exec(expr)?.[1]?.split('|'),
    ]);
    expect(leftOut).toEqual(['RelayErrors', 'RelayAbandoned', 'RelayTokenRefused'].map((alert) => [alert, contracts]));
  });

  it.each([
    ['token_relay_made_up_total > 0', ['no token_relay_made_up_total']],
    ['token_relay_logins_total{code="x"}', ['no code of token_relay_logins_total']],
    ['token_relay_logins_total_sum', ['no token_relay_logins_total_sum']],
    ['token_relay_token_bytes', ['no token_relay_token_bytes']],
    ['process_made_up', ['no process_made_up']],
  ])('would be found to read what there isn’t: %s', (expr, faults) => {
    expect(faultsIn(expr).slice(0, 1)).toEqual(faults);
  });

  it('have names of their own, say how bad it is, and lead to a page of operations', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { labels, annotations } of alerts) {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook_url']);
      // Which pages there are is seen to in docs.spec.ts.
      expect(annotations.runbook_url).toMatch(
        /^\{\{ or \$externalLabels\.docs_url "docs" \}\}\/operations\/[a-z-]+\.md(#[a-z-]+)?$/,
      );
    }
  });

  it('have each a case in which they fire, and one in which they just don’t', () => {
    const { tests } = parse(read('alerts.test.yaml')) as {
      tests: readonly {
        name: string;
        promql_expr_test?: readonly { expr: string; exp_samples: readonly unknown[] }[];
      }[];
    };
    const cases = tests.flatMap(({ promql_expr_test: checks = [] }) =>
      checks.map(({ expr, exp_samples: samples }) => `${/alertname="(\w+)"/.exec(expr)?.[1]} ${samples.length > 0}`),
    );
    const wanted = alerts.flatMap(({ alert }) => [`${alert} true`, `${alert} false`]);
    expect([...new Set(cases)].sort()).toEqual(wanted.sort());
  });
});

describe('the dashboard', () => {
  it('has a row for each part of the system, and says of every chart what it shows', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'Edge',
      'Verification',
      'Sessions',
      'Relay',
      'Keys, clocks, certificates',
      'Revocation',
      'Runtime',
    ]);
    expect(charts.filter(({ description, targets }) => !description || !targets?.length)).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('shows every metric of ours', () => {
    const read = new Set(shown.flatMap(seriesIn).map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, '')));
    // Of what is measured when keys are fetched the number is shown.
    const unshown = [...documented.keys()].filter((name) => !read.has(name));
    expect(unshown).toEqual(['token_relay_jwks_fetch_duration_seconds']);
  });

  it('reads from the source that is chosen', () => {
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
    const sources = charts.flatMap(({ datasource, targets = [] }) => [
      datasource,
      ...targets.map((one) => one.datasource),
    ]);
    expect(new Set(sources.map((source) => source?.uid))).toEqual(new Set(['${datasource}']));
  });

  it('has its charts side by side, and none on another', () => {
    const overlaps = charts.flatMap(({ title, gridPos: a }, index) =>
      charts
        .slice(index + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => `${title} / ${other.title}`),
    );
    expect(overlaps).toEqual([]);
    expect(charts.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

describe('the configuration of Prometheus', () => {
  it('reads every replica of each service, where the services have the port', () => {
    const { scrape_configs: jobs, rule_files: rules } = parse(read('prometheus.yml')) as {
      scrape_configs: readonly { job_name: string; dns_sd_configs: readonly object[] }[];
      rule_files: readonly string[];
    };
    expect(rules).toEqual(['alerts.yaml']);
    expect(jobs).toMatchObject([
      {
        job_name: 'token-relay',
        dns_sd_configs: [{ names: ['gateway', 'auth', 'resource', 'audit'], type: 'A', port: 9464 }],
      },
    ]);
  });
});

describeWith(PROMTOOL)('promtool', () => {
  const run = (...parameters: string[]) => {
    const { status, stdout, stderr } = spawnSync(promtool, parameters, { cwd: FOLDER, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };

  it('finds the alerts and the configuration to be well-formed', () => {
    expect(run('check', 'config', 'prometheus.yml')).toMatchObject({ status: 0 });
    expect(run('check', 'rules', '--lint-fatal', 'alerts.yaml')).toMatchObject({ status: 0 });
  });

  it('sees the alerts fire when they should, and not before', () => {
    expect(run('test', 'rules', 'alerts.test.yaml')).toMatchObject({ status: 0 });
  });

  it('understands what the dashboard asks for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    const rules = shown.map((expr, index) => ({
      record: `shown_${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$service', '.*'),
    }));
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(run('check', 'rules', join(folder, 'rules.yaml'))).toMatchObject({ status: 0 });
    rmSync(folder, { recursive: true });
  });
});
