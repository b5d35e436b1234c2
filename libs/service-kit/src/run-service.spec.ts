import { Drain } from './drain';
import { Management } from './metrics/management';
import { runService, type Service } from './run-service';

describe('the end of a service', () => {
  let exited: { readonly code: unknown; readonly afterMs: number } | undefined;
  let before: NodeJS.SignalsListener[];
  beforeEach(() => {
    jest.useFakeTimers();
    exited = undefined;
    before = process.listeners('SIGTERM');
  });
  afterEach(() => {
    jest.useRealTimers();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      for (const listener of process.listeners(signal)) {
        if (!before.includes(listener)) process.off(signal, listener);
      }
    }
  });

  /** Runs one on which a call is never answered, and whose connections take that long to close. */
  async function end(drainSeconds: number, closeMs: number) {
    const drain = new Drain(drainSeconds);
    drain.begin();
    const parts = new Map<unknown, unknown>([
      [Drain, drain],
      [Management, { listen: () => Promise.resolve(undefined) }],
    ]);
    const app = {
      get: (part: unknown) => parts.get(part),
      close: () => new Promise<void>((closed) => setTimeout(closed, closeMs)),
    };
    const silent = { info: () => undefined, error: () => undefined, warn: () => undefined };
    const service = { logger: silent, app, listen: () => Promise.resolve({}) } as unknown as Service;
    await runService(() => Promise.resolve(service));
    const begun = Date.now();
    jest.spyOn(process, 'exit').mockImplementation((code) => {
      exited ??= { code, afterMs: Date.now() - begun };
      return undefined as never;
    });
    const listener = process.listeners('SIGTERM').at(-1) as NodeJS.SignalsListener;
    listener('SIGTERM');
    await jest.advanceTimersByTimeAsync(60_000);
    return exited;
  }

  it.each([
    [0, 11_000],
    [5, 16_000],
  ])('after %i s in which it serves waits 8 s for calls, and 3 s for what is closed then', async (seconds, afterMs) => {
    expect(await end(seconds, 3_000)).toEqual({ code: 0, afterMs });
  });

  it.each([
    [0, 12_000],
    [5, 17_000],
  ])('with %i s in which it serves comes after %i ms at most, with 1', async (seconds, afterMs) => {
    expect(await end(seconds, 30_000)).toEqual({ code: 1, afterMs });
  });
});
