import { Counts, Distribution } from './counts';
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

describe('a distribution', () => {
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
