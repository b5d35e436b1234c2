import { type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { type Logger } from '../logger';
import { ToldExporter } from './told-exporter';

describe('ToldExporter', () => {
  const [SUCCESS, FAILED] = [0, 1];
  let now: number;
  let code: number;
  let told: unknown[][];
  let exporter: ToldExporter;

  beforeEach(() => {
    now = 0;
    code = FAILED;
    told = [];
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 503, data: 'whatever it says' });
    const inner = {
      export: (_spans: ReadableSpan[], done: (result: { code: number; error: Error }) => void) => done({ code, error }),
      shutdown: () => Promise.resolve(),
    } as SpanExporter;
    const logger = {
      warn: (...line: unknown[]) => told.push(['warn', ...line]),
      info: (...line: unknown[]) => told.push(['info', ...line]),
    } as unknown as Logger;
    exporter = new ToldExporter(inner, logger, () => now);
  });

  const send = (count: number): number => {
    let result = -1;
    exporter.export(Array<ReadableSpan>(count), (outcome) => (result = outcome.code));
    return result;
  };

  it('says why spans are lost, without what the collector has answered, and leaves nothing to be told again', () => {
    expect(send(3)).toBe(SUCCESS);
    expect(told).toEqual([['warn', { lost: 3, reason: '503 connect ECONNREFUSED' }, 'traces can not be delivered']]);
  });

  it.each([
    [59_999, 1],
    [60_000, 2],
  ])('says it once in a minute: after %d ms it was said %d times', (after, times) => {
    send(3);
    now = after;
    send(4);
    expect(told).toHaveLength(times);
    if (times === 2) expect(told[1]).toMatchObject(['warn', { lost: 7 }, 'traces can not be delivered']);
  });

  describe('with an answer that never ends', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('says so after 20 s, once, and takes what comes later for nothing', () => {
      let answer: (result: { code: number }) => void = () => undefined;
      const inner = {
        export: (_spans: ReadableSpan[], done: (result: { code: number }) => void) => (answer = done),
      } as unknown as SpanExporter;
      const done = jest.fn();
      const logger = {
        warn: (...line: unknown[]) => told.push(['warn', ...line]),
        info: (...line: unknown[]) => told.push(['info', ...line]),
      } as unknown as Logger;
      new ToldExporter(inner, logger, () => now).export(Array<ReadableSpan>(3), done);
      jest.advanceTimersByTime(19_999);
      expect(told).toEqual([]);
      jest.advanceTimersByTime(1);
      answer({ code: SUCCESS });
      expect(told).toEqual([['warn', { lost: 3, reason: 'no answer within 20000 ms' }, 'traces can not be delivered']]);
      expect(done.mock.calls).toEqual([[{ code: SUCCESS }]]);
    });

    it('has no limit that goes on when the answer is there', () => {
      send(3);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('says when they are delivered again, once, and at once when they are not', () => {
    send(3);
    code = SUCCESS;
    send(1);
    send(1);
    code = FAILED;
    send(2);
    expect(told.map(([level, details]) => [level, (details as { lost: number }).lost])).toEqual([
      ['warn', 3],
      ['info', 3],
      ['warn', 2],
    ]);
  });
});
