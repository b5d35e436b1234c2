import { Drain } from './drain';

describe('Drain', () => {
  let now: number;
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    now = performance.now();
  });
  afterEach(() => jest.useRealTimers());

  const passed = (): number => Math.round(performance.now() - now);

  /** Runs it; resolves to how long it took. */
  async function ended(drain: Drain): Promise<number> {
    let took: number | undefined;
    void drain.run().then(() => (took = passed()));
    while (took === undefined) await jest.advanceTimersByTimeAsync(50);
    return took;
  }

  it.each([
    [0, 0],
    [5, 6_000],
    [60, 61_000],
  ])('that goes on for %i s takes %i ms where nothing is under way', async (seconds, ms) => {
    const took = await ended(new Drain(seconds));
    expect(took).toBeGreaterThanOrEqual(ms);
    expect(took).toBeLessThan(ms + 100);
  });

  it('isn’t draining before it is told, and is from then on', async () => {
    const drain = new Drain(5);
    expect(drain.isDraining).toBe(false);
    const running = drain.run();
    expect(drain.isDraining).toBe(true);
    await jest.advanceTimersByTimeAsync(6_000);
    await running;
    expect(drain.isDraining).toBe(true);
  });

  it('stops listening when the time is over, and not before', async () => {
    const drain = new Drain(5);
    let stoppedAt: number | undefined;
    drain.onStop(() => (stoppedAt = passed()));
    void drain.run();
    await jest.advanceTimersByTimeAsync(4_999);
    expect(stoppedAt).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(stoppedAt).toBe(5_000);
  });

  it('waits for what is under way, and for a second after the last of it', async () => {
    const drain = new Drain(5);
    const done = drain.begin();
    setTimeout(done, 7_000);
    setTimeout(() => drain.begin()(), 7_900);
    const took = await ended(drain);
    expect(took).toBeGreaterThanOrEqual(8_900);
    expect(took).toBeLessThan(9_000);
  });

  it('waits 8 s for what never ends', async () => {
    const drain = new Drain(5);
    drain.begin();
    const took = await ended(drain);
    expect(took).toBeGreaterThanOrEqual(13_000);
    expect(took).toBeLessThan(13_100);
  });

  it('counts an end once, however often it is told', async () => {
    const drain = new Drain(0);
    const [first] = [drain.begin(), drain.begin()];
    first?.();
    first?.();
    expect(await ended(drain)).toBeGreaterThanOrEqual(8_000);
  });

  it('ends what lasts from 40 to 90 % of the time, evenly', async () => {
    const drain = new Drain(10);
    const at: number[] = [];
    for (let i = 0; i < 5; i++) drain.lasting(() => at.push(passed()));
    await ended(drain);
    expect(at).toEqual([4_500, 5_500, 6_500, 7_500, 8_500]);
  });

  it('leaves alone what has ended by itself', async () => {
    const drain = new Drain(10);
    const end = jest.fn();
    drain.lasting(end)();
    const later = drain.lasting(end);
    void drain.run();
    later();
    await jest.advanceTimersByTimeAsync(11_000);
    expect(end).not.toHaveBeenCalled();
  });

  it.each([
    [1_000, 4_000, 9_000],
    [6_000, 6_000, 9_000],
    [9_500, 9_500, 9_500],
  ])('ends what begins after %i ms between %i and %i ms', async (begun, first, last) => {
    const drain = new Drain(10);
    void drain.run();
    await jest.advanceTimersByTimeAsync(begun);
    const at: number[] = [];
    for (let i = 0; i < 20; i++) drain.lasting(() => at.push(passed()));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(at).toHaveLength(20);
    expect(Math.min(...at)).toBeGreaterThanOrEqual(first);
    expect(Math.max(...at)).toBeLessThanOrEqual(last + 1);
  });

  it('without a time ends what lasts at once', async () => {
    const drain = new Drain(0);
    const end = jest.fn();
    drain.lasting(end);
    await ended(drain);
    expect(end).toHaveBeenCalledTimes(1);
  });
});
