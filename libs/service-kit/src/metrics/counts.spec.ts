import { Counts, Distribution, LabelledCounts } from './counts';
import { metricsRegistry } from './registry';

describe('counts', () => {
  it('are there from the beginning, and say whose they are', async () => {
    const registry = metricsRegistry('auth');
    const counts = new Counts(
      registry,
      { name: 'seen_total', help: 'h' },
      new Map([
        ['good', { result: 'good' }],
        ['bad', { result: 'bad' }],
      ]),
    );
    counts.add('bad');
    counts.add('bad');
    expect(await registry.metrics()).toBe(
      [
        '# HELP seen_total h',
        '# TYPE seen_total counter',
        'seen_total{result="good",service="auth"} 0',
        'seen_total{result="bad",service="auth"} 2',
        '',
      ].join('\n'),
    );
  });

  it('have no series for what there can not be', async () => {
    const registry = metricsRegistry('auth');
    const counts = new Counts<string>(registry, { name: 'seen_total', help: 'h' }, new Map([['good', {}]]));
    counts.add('made up');
    expect((await registry.metrics()).match(/^seen_total/gm)).toHaveLength(1);
  });
});

describe('counts by labels', () => {
  it('have the series that were asked for, and count in each', async () => {
    const registry = metricsRegistry('auth');
    const counts = new LabelledCounts(registry, { name: 'seen_total', help: 'h' }, ['route', 'status']);
    expect((await registry.metrics()).match(/^seen_total/gm)).toBeNull();
    const [good] = [counts.series({ route: '/', status: '2xx' }), counts.series({ route: '/', status: '5xx' })];
    good.value++;
    good.value++;
    const page = await registry.metrics();
    expect(page).toContain('seen_total{route="/",status="2xx",service="auth"} 2\n');
    expect(page).toContain('seen_total{route="/",status="5xx",service="auth"} 0\n');
  });
});

describe('a distribution', () => {
  it('has the series that are asked for later', async () => {
    const registry = metricsRegistry('auth');
    const seconds = new Distribution(registry, { name: 'seconds', help: 'h' }, [1], [], ['kind']);
    expect((await registry.metrics()).match(/^seconds/gm)).toBeNull();
    const [a, b] = [seconds.series({ kind: 'a' }), seconds.series({ kind: 'b' })];
    seconds.add(0.5, b);
    const page = await registry.metrics();
    expect(page).toContain('seconds_count{kind="b",service="auth"} 1\n');
    expect(page).toContain('seconds_count{kind="a",service="auth"} 0\n');
    expect([a, b]).toEqual([0, 1]);
  });

  it('puts what is as large as a bound into its bucket, and what is larger into the next', async () => {
    const registry = metricsRegistry('auth');
    const seconds = new Distribution(registry, { name: 'seconds', help: 'h' }, [1, 2], [{ kind: 'a' }, { kind: 'b' }]);
    for (const value of [0, 1, 1.001, 2, 2.001]) seconds.add(value, 1);
    expect(await registry.metrics()).toBe(
      [
        '# HELP seconds h',
        '# TYPE seconds histogram',
        'seconds_bucket{kind="a",le="1",service="auth"} 0',
        'seconds_bucket{kind="a",le="2",service="auth"} 0',
        'seconds_bucket{kind="a",le="+Inf",service="auth"} 0',
        'seconds_sum{kind="a",service="auth"} 0',
        'seconds_count{kind="a",service="auth"} 0',
        'seconds_bucket{kind="b",le="1",service="auth"} 2',
        'seconds_bucket{kind="b",le="2",service="auth"} 4',
        'seconds_bucket{kind="b",le="+Inf",service="auth"} 5',
        `seconds_sum{kind="b",service="auth"} ${0 + 1 + 1.001 + 2 + 2.001}`,
        'seconds_count{kind="b",service="auth"} 5',
        '',
      ].join('\n'),
    );
  });

  it('begins anew when it is reset, as every metric of a registry', async () => {
    const registry = metricsRegistry('auth');
    const bytes = new Distribution(registry, { name: 'bytes', help: 'h' }, [1]);
    bytes.add(3);
    registry.resetMetrics();
    expect(await registry.metrics()).toMatch(/^bytes_count\{service="auth"\} 0$/m);
  });
});
