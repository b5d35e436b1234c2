import { ConfigError, loadConfig } from './config';
import { explainCalls, ExplainedCalls } from './explained-calls';

describe('EXPLAIN_CALLS', () => {
  const load = (environment: Record<string, string>) =>
    loadConfig((mode) => ({ EXPLAIN_CALLS: explainCalls(mode) }), environment).EXPLAIN_CALLS;

  it('is off where nobody has said', () => {
    expect(load({})).toBe(false);
    expect(load({ NODE_ENV: 'development' })).toBe(false);
    expect(load({ EXPLAIN_CALLS: '0' })).toBe(false);
  });

  it('can be on in development, and nowhere else', () => {
    expect(load({ EXPLAIN_CALLS: '1', NODE_ENV: 'development' })).toBe(true);
    for (const NODE_ENV of ['production', 'test', '']) {
      expect(() => load({ EXPLAIN_CALLS: '1', NODE_ENV })).toThrow(ConfigError);
      expect(() => load({ EXPLAIN_CALLS: '1', NODE_ENV })).toThrow('EXPLAIN_CALLS: is 1, by which answers hold');
    }
    expect(() => load({ EXPLAIN_CALLS: '1' })).toThrow('in development only');
  });
});

describe('ExplainedCalls', () => {
  it('tells nothing outside of a call, be it on or off', async () => {
    expect(await new ExplainedCalls(true).traceOf()).toEqual({});
    expect(await new ExplainedCalls(false).traceOf()).toEqual({});
  });
});
