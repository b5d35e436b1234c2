// Draws the dashboard of deploy/monitoring where there is no Grafana: asks Prometheus what Grafana would ask it for each
// panel, and lays the answers out as Grafana does, with uPlot, which draws Grafana's time series as well.
//
//   node tools/draw-dashboard.mjs --prometheus http://localhost:9090 --minutes 30 --out dashboard.png
//
// `--rows 'Edge,Verification'` draws these rows alone, `--dashboard` takes another file. `--out` with .html keeps the page
// instead of its picture, and needs no Chromium: else Debian's, or the one that TEST_CHROMIUM names. It ends with 1, and
// draws nothing, if Prometheus refuses a query.
import { readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { require } from './require-typescript.mjs';

const { values: options } = parseArgs({
  options: {
    prometheus: { type: 'string', default: 'http://localhost:9090' },
    minutes: { type: 'string', default: '30' },
    rows: { type: 'string' },
    dashboard: { type: 'string', default: join(import.meta.dirname, '../deploy/monitoring/dashboard.json') },
    out: { type: 'string' },
  },
});
const seconds = Number(options.minutes) * 60;
if (!options.out || !(seconds > 0)) {
  console.error('usage: node tools/draw-dashboard.mjs --out <file.png or .html> [--prometheus <url>] [--minutes <n>]');
  console.error('         [--rows <title,title>] [--dashboard <file>]');
  process.exit(2);
}

const WIDTH_PX = 1600;
const MOST_POINTS = 500;
/** What Grafana believes of a data source that says nothing of it. */
const SCRAPE_SECONDS = 15;

// Times that are multiples of the step, so that a picture made a second later has the same points.
const step = SCRAPE_SECONDS * Math.ceil(seconds / MOST_POINTS / SCRAPE_SECONDS);
const steps = Math.floor(seconds / step);
const end = Math.floor(Date.now() / 1000 / step) * step;
const times = Array.from({ length: steps + 1 }, (_, index) => end - (steps - index) * step);

/** Of each unit what its multiples are called, in Grafana's words, the smallest first. */
const UNITS = {
  short: [
    [1, ''],
    [1e3, ' K'],
    [1e6, ' Mil'],
    [1e9, ' Bil'],
  ],
  percentunit: [[0.01, '%']],
  ops: [
    [1, ' ops/s'],
    [1e3, 'K ops/s'],
  ],
  reqps: [
    [1, ' req/s'],
    [1e3, 'K req/s'],
  ],
  bytes: [
    [1, ' B'],
    [2 ** 10, ' KiB'],
    [2 ** 20, ' MiB'],
    [2 ** 30, ' GiB'],
  ],
  s: [
    [1e-9, ' ns'],
    [1e-6, ' µs'],
    [1e-3, ' ms'],
    [1, ' s'],
    [60, ' mins'],
    [3_600, ' hours'],
    [86_400, ' days'],
    [604_800, ' weeks'],
    [31_536_000, ' years'],
  ],
};

/** `0.0042` of `s` as `4.2 ms`: three digits, or so many decimals. The page has it too, with UNITS. */
function quantity(value, unit, decimals) {
  // 0 is 0 of the unit itself.
  const [size, name] = UNITS[unit].findLast(([size]) => (Math.abs(value) || 1) >= size) ?? UNITS[unit][0];
  const number = value / size;
  return `${decimals === undefined ? Number(number.toPrecision(3)) : number.toFixed(decimals)}${name}`;
}

const dashboard = JSON.parse(await readFile(options.dashboard, 'utf8'));
const variables = new Map([
  ['__rate_interval', `${Math.max(4 * SCRAPE_SECONDS, step + SCRAPE_SECONDS)}s`],
  ...dashboard.templating.list.map(({ name, allValue }) => [name, allValue]),
]);

const answers = await Promise.allSettled(panelsOf(options.rows?.split(',')).map(answered));
const faults = answers.flatMap(({ reason }) => (reason ? [reason.message] : []));
if (faults.length > 0) fail(...faults);
const html = await page(answers.map(({ value }) => value));
await (extname(options.out) === '.html' ? writeFile(options.out, html) : photograph(html, options.out));

function fail(...messages) {
  for (const message of messages) console.error(message);
  process.exit(1);
}

/** The panels of these rows, or of all, each row right below the one before it. */
function panelsOf(titles) {
  const rows = [];
  for (const panel of dashboard.panels) {
    if (panel.type === 'row') rows.push([panel]);
    else rows.at(-1).push(panel);
  }
  const missing = titles?.filter((title) => !rows.some(([row]) => row.title === title)) ?? [];
  if (missing.length > 0) fail(`no row of ${options.dashboard} is called ${missing.join(', or ')}`);
  let top = 0;
  return rows
    .filter(([row]) => titles?.includes(row.title) ?? true)
    .flatMap((panels) => {
      const moved = top - panels[0].gridPos.y;
      top = moved + Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
      return panels.map((panel) => ({ ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + moved } }));
    });
}

/** A panel with its series, each with a value for each of `times`, or null. */
async function answered({ targets = [], ...panel }) {
  if (panel.type === 'row') return panel;
  const fault = faultOf(panel);
  if (fault) throw new Error(`${panel.title}: ${fault} is not drawn`);
  const series = (await Promise.all(targets.map((target) => ask(panel, target)))).flat();
  if (panel.type === 'timeseries') return { ...panel, series };

  const { unit, decimals, thresholds } = panel.fieldConfig.defaults;
  const stats = series.map((one) => {
    const last = one.values.findLast((value) => value !== null);
    const text = last === undefined ? undefined : quantity(last, unit, decimals);
    return { ...one, text, color: colorAt(last, thresholds) };
  });
  return { ...panel, series: stats, color: colorAt(undefined, thresholds) };
}

/** What Grafana knows of, and this doesn't. */
function faultOf({ type, options, fieldConfig }) {
  if (!['timeseries', 'stat'].includes(type)) return `a panel of the type ${type}`;
  if (!UNITS[fieldConfig.defaults.unit]) return `the unit ${fieldConfig.defaults.unit}`;
  const calcs = options.reduceOptions?.calcs.join() ?? 'lastNotNull';
  return calcs === 'lastNotNull' ? undefined : calcs;
}

/** That of the highest step that is reached; of no value that of the lowest, as in Grafana. */
function colorAt(value, { steps: [lowest, ...higher] }) {
  return (higher.findLast((step) => value >= step.value) ?? lowest).color;
}

async function ask({ title }, { expr, legendFormat, instant }) {
  const query = expr.replace(/\$(\w+)/g, (reference, name) => variables.get(name) ?? reference);
  const [path, parameters] = instant
    ? ['query', { query, time: end }]
    : ['query_range', { query, start: times[0], end, step }];
  const url = new URL(`/api/v1/${path}?${new URLSearchParams(parameters)}`, options.prometheus);
  const answer = await fetch(url).catch(({ cause }) => {
    throw new Error(`${title}: ${options.prometheus} can not be asked: ${cause.code ?? cause.message}`);
  });
  if (!answer.ok) throw new Error(`${title}: ${query}\n  was answered with ${answer.status}: ${await answer.text()}`);
  const { result } = (await answer.json()).data;
  return result.map(({ metric, value, values = [value] }) => {
    const at = new Map(values.map(([time, text]) => [time, Number(text)]));
    return {
      name: legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? ''),
      // NaN and infinities are gaps.
      values: (instant ? [end] : times).map((time) => (Number.isFinite(at.get(time)) ? at.get(time) : null)),
    };
  });
}

/** All in one file, that asks nobody for anything. */
async function page(panels) {
  const [template, script, style] = await Promise.all(
    [
      join(import.meta.dirname, 'draw-dashboard.html'),
      require.resolve('uplot/dist/uPlot.iife.min.js'),
      require.resolve('uplot/dist/uPlot.min.css'),
    ].map((path) => readFile(path, 'utf8')),
  );
  const drawn = { title: dashboard.title, file: basename(options.dashboard), minutes: options.minutes, times, panels };
  return template.replace(
    '<!-- what is drawn, and with what -->',
    () => `<style>${style}</style>
    <script>${script}</script>
    <script>const UNITS = ${JSON.stringify(UNITS)}; ${quantity}</script>
    <script>const dashboard = ${JSON.stringify(drawn).replaceAll('<', '\\u003c')};</script>`,
  );
}

async function photograph(html, path) {
  const { launchChromium } = require('../e2e/src/browser/chromium.ts');
  const browser = await launchChromium();
  try {
    const tab = await browser.newPage({ viewport: { width: WIDTH_PX, height: 800 }, offline: true });
    const errors = [];
    tab.on('pageerror', (error) => errors.push(error));
    await tab.setContent(html);
    if (errors.length > 0) throw errors[0];
    await tab.screenshot({ path, fullPage: true });
  } finally {
    await browser.close();
  }
}
