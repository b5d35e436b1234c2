import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Result {
  readonly metric?: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
interface Drawn {
  readonly times: readonly number[];
  readonly panels: readonly {
    readonly type: string;
    readonly title: string;
    readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
    readonly color?: string;
    readonly series?: readonly { name: string; values: readonly (number | null)[]; text?: string; color?: string }[];
  }[];
}

const place = (x: number, y: number, w = 8, h = 5) => ({ x, y, w, h });
const row = (title: string, y: number) => ({ type: 'row', title, gridPos: place(0, y, 24, 1) });
const panel = (type: string, title: string, expr: string, defaults: object = {}, gridPos = place(0, 1)) => ({
  type,
  title,
  gridPos,
  fieldConfig: { defaults: { unit: 'short', thresholds: { steps: [{ color: 'green' }] }, ...defaults } },
  options: {},
  targets: [{ expr, legendFormat: '{{service}} of {{ job }}' }],
});
const VARIABLES = { list: [{ name: 'datasource' }, { name: 'service', allValue: '.*' }] };

describe('draw-dashboard', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
  const out = join(folder, 'page.html');
  const asked: { path: string; query: string; [parameter: string]: string }[] = [];
  /** Undefined: the query is refused. */
  let answer: (query: string, end: number) => readonly Result[] | undefined;
  let prometheus: Server;

  beforeAll(async () => {
    prometheus = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://prometheus');
      const parameters = Object.fromEntries(searchParams) as { query: string; end?: string; time?: string };
      asked.push({ path: pathname, ...parameters });
      const result = answer(parameters.query, Number(parameters.end ?? parameters.time));
      if (result) response.end(JSON.stringify({ status: 'success', data: { result } }));
      else response.writeHead(400).end('{"status":"error","error":"parse error: unexpected end of input"}');
    }).listen(0, '127.0.0.1');
    await once(prometheus, 'listening');
  });
  beforeEach(() => {
    asked.length = 0;
    answer = () => [];
    rmSync(out, { force: true });
  });
  afterAll(() => {
    prometheus.close();
    rmSync(folder, { recursive: true });
  });

  async function draw(panels: readonly object[] | undefined, ...more: string[]) {
    const parameters = [`--prometheus=http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`, `--out=${out}`];
    if (panels) {
      const dashboard = join(folder, 'dashboard.json');
      writeFileSync(dashboard, JSON.stringify({ title: 'Of a test', templating: VARIABLES, panels }));
      parameters.push(`--dashboard=${dashboard}`);
    }
    const child = spawn('node', [join(__dirname, 'draw-dashboard.mjs'), ...parameters, ...more]);
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, complaint };
  }
  /** What the page has to draw. */
  function drawn(): Drawn {
    const [, json = ''] = /const dashboard = (.*);<\/script>/.exec(readFileSync(out, 'utf8')) ?? [];
    return JSON.parse(json) as Drawn;
  }

  it('asks for everything that the dashboard of deploy/monitoring shows', async () => {
    expect(await draw(undefined)).toEqual({ code: 0, complaint: '' });
    const { panels } = JSON.parse(readFileSync(join(__dirname, '../deploy/monitoring/dashboard.json'), 'utf8')) as {
      panels: readonly { title: string; targets?: readonly object[] }[];
    };
    expect(drawn().panels.map(({ title }) => title)).toEqual(panels.map(({ title }) => title));
    expect(asked).toHaveLength(panels.flatMap(({ targets = [] }) => targets).length);
    expect(asked.filter(({ query }) => query.includes('$'))).toEqual([]);
  });

  it.each([
    ['2', '15', '60s'],
    ['125', '15', '60s'],
    ['126', '30', '60s'],
    ['400', '60', '75s'],
  ])('asks as Grafana does: for %s minutes each %s s, and for rates of %s', async (minutes, step, rate) => {
    const expr = 'rate(a{service=~"$service", code=~"x$"}[$__rate_interval])';
    await draw([row('One', 0), panel('timeseries', 'Rate', expr)], `--minutes=${minutes}`);
    expect(asked).toMatchObject([
      { path: '/api/v1/query_range', query: `rate(a{service=~".*", code=~"x$"}[${rate}])`, step },
    ]);
    const { times } = drawn();
    expect([times[0], times.at(-1)].map(String)).toEqual([asked[0]?.start, asked[0]?.end]);
    expect(Number(asked[0]?.end) % Number(step)).toBe(0);
    expect(Number(asked[0]?.end) - Number(asked[0]?.start)).toBe(
      Math.floor((Number(minutes) * 60) / Number(step)) * Number(step),
    );
  });

  it('asks for what is now where the dashboard does, and not for what was', async () => {
    answer = (_, end) => [{ metric: {}, value: [end, '3'] }];
    const now = panel('stat', 'Now', 'a');
    await draw([row('One', 0), { ...now, targets: [{ ...now.targets[0], instant: true }] }]);
    expect(asked).toMatchObject([{ path: '/api/v1/query', query: 'a' }]);
    expect(drawn().panels[1]?.series).toMatchObject([{ values: [3], text: '3' }]);
  });

  it('has a value for each time, and none where Prometheus has none or no number', async () => {
    answer = (_, end): Result[] => [
      { metric: { service: 'auth', job: 'x' }, values: [[end - 45, '1'], [end - 30, 'NaN'], [end - 15, '+Inf'], [end, '0']] }, // prettier-ignore
      { metric: { service: '</script>' }, values: [[end - 15, '0.5']] },
    ];
    await draw([row('One', 0), panel('timeseries', 'Series', 'a')], '--minutes=1');
    expect(drawn().panels[1]?.series).toEqual([
      { name: 'auth of x', values: [null, 1, null, null, 0] },
      { name: '</script> of ', values: [null, null, null, 0.5, null] },
    ]);
    expect(readFileSync(out, 'utf8')).not.toContain('</script> of ');
  });

  it('draws the rows that are chosen, each right below the one before it', async () => {
    const panels = [
      row('One', 0),
      panel('stat', 'a', 'a'),
      row('Two', 6),
      panel('stat', 'b', 'b', {}, place(0, 7)),
      row('Three', 12),
      panel('stat', 'c', 'c', {}, place(16, 13, 4, 8)),
      panel('stat', 'd', 'd', {}, place(20, 13, 4, 3)),
      row('Four', 21),
    ];
    expect((await draw(panels, '--rows=One,Three,Four')).code).toBe(0);
    expect(drawn().panels.map(({ title, gridPos: { x, y } }) => [title, x, y])).toEqual([
      ['One', 0, 0],
      ['a', 0, 1],
      ['Three', 0, 6],
      ['c', 16, 7],
      ['d', 20, 7],
      ['Four', 0, 15],
    ]);
    expect(asked.map(({ query }) => query).sort()).toEqual(['a', 'c', 'd']);
    expect(await draw(panels, '--rows=One,Five')).toMatchObject({ code: 1, complaint: expect.stringContaining('Five') as string }); // prettier-ignore
  });

  it('writes numbers with their units', async () => {
    const cases: readonly (readonly [unit: string, value: string, text: string])[] = [
      ['short', '0', '0'],
      ['short', '0.0421', '0.0421'],
      ['short', '999', '999'],
      ['short', '1000', '1 K'],
      ['short', '2345678', '2.35 Mil'],
      ['s', '0', '0 s'],
      ['s', '0.0000123', '12.3 µs'],
      ['s', '0.0042', '4.2 ms'],
      ['s', '59.9', '59.9 s'],
      ['s', '60', '1 mins'],
      ['s', '-7200', '-2 hours'],
      ['s', '604800', '1 weeks'],
      ['percentunit', '0', '0%'],
      ['percentunit', '0.12345', '12.3%'],
      ['bytes', '1023', '1020 B'],
      ['bytes', '1024', '1 KiB'],
      ['bytes', '104857600', '100 MiB'],
      ['reqps', '12.34', '12.3 req/s'],
      ['ops', '1500', '1.5K ops/s'],
    ];
    answer = (query, end) => [{ metric: {}, values: [[end, query]] }];
    await draw([row('One', 0), ...cases.map(([unit, value]) => panel('stat', unit, value, { unit }))]);
    const texts = drawn().panels.flatMap(({ series = [] }) => series.map(({ text }) => text));
    expect(texts).toEqual(cases.map(([, , text]) => text));
  });

  it('writes as many decimals as are asked for', async () => {
    answer = (_, end) => [{ metric: {}, values: [[end, '19.1']] }];
    await draw([row('One', 0), panel('stat', 'Whole', 'a', { decimals: 0 })]);
    expect(drawn().panels[1]?.series).toMatchObject([{ text: '19' }]);
  });

  it('gives a number the color of the highest threshold that it reaches, and none that of the lowest', async () => {
    answer = (query, end) => query.split(' ').map((value) => ({ metric: {}, values: [[end, value]] }));
    const steps = [
      { color: 'green', value: null },
      { color: 'orange', value: 1 },
      { color: 'red', value: 5 },
    ];
    await draw([row('One', 0), panel('stat', 'Stat', '0.99 1 4.99 5 NaN', { thresholds: { steps } })]);
    const [, stat] = drawn().panels;
    expect(stat?.series?.map(({ color }) => color)).toEqual(['green', 'orange', 'orange', 'red', 'green']);
    expect(stat?.series?.at(-1)).not.toHaveProperty('text');
    expect(stat?.color).toBe('green');
  });

  it('ends with 1 and draws nothing if a query is refused, and says which', async () => {
    answer = (query) => (query.startsWith('sum(') ? undefined : []);
    const panels = [panel('stat', 'Good', 'a'), panel('stat', 'Bad', 'sum(b'), panel('stat', 'Worse', 'sum(c')];
    const { code, complaint } = await draw([row('One', 0), ...panels]);
    expect(code).toBe(1);
    for (const text of ['Bad: sum(b', 'Worse: sum(c', '400', 'unexpected end of input'])
      expect(complaint).toContain(text);
    expect(complaint).not.toContain('Good');
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ['no Prometheus is there', [panel('stat', 'Up', 'up')], '--prometheus=http://127.0.0.1:1', 'http://127.0.0.1:1'],
    ['a unit is unknown', [panel('stat', 'Up', 'up', { unit: 'furlongs' })], '', 'Up: the unit furlongs'],
    ['a panel is of another type', [panel('heatmap', 'Up', 'up')], '', 'Up: a panel of the type heatmap'],
    ['a number is another than the last', [{ ...panel('stat', 'Up', 'up'), options: { reduceOptions: { calcs: ['mean'] } } }], '', 'Up: mean'], // prettier-ignore
  ])('ends with 1 if %s', async (_, panels, more, complaint) => {
    const ended = await draw([row('One', 0), ...panels], ...(more ? [more] : []));
    expect(ended).toEqual({ code: 1, complaint: expect.stringContaining(complaint) as string });
    expect(existsSync(out)).toBe(false);
  });
});
