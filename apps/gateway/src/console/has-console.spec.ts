import { hasConsole } from './has-console';

const DEMO = { DEMO: true, NODE_ENV: 'development', HOST: '127.0.0.1', DEMO_ACCOUNTS_FILE: 'a.json' } as const;
const PRODUCTION = { ...DEMO, DEMO: false, NODE_ENV: 'production' } as const;

describe('hasConsole', () => {
  it.each([
    ['in the demo', { ...DEMO, CONSOLE: undefined }, true],
    ['in the demo that does without', { ...DEMO, CONSOLE: false }, false],
    ['in production', { ...PRODUCTION, CONSOLE: undefined }, false],
    ['in production where it is asked for', { ...PRODUCTION, CONSOLE: true }, true],
    ['in development without a demo', { ...DEMO, DEMO: false, CONSOLE: undefined }, false],
    ['in production, whatever is said of a demo', { ...PRODUCTION, DEMO: true, CONSOLE: undefined }, false],
    ['where others can reach the demo', { ...DEMO, HOST: '0.0.0.0', CONSOLE: undefined }, false],
  ])('%s', (_where, config, is) => {
    expect(hasConsole(config)).toBe(is);
  });
});
