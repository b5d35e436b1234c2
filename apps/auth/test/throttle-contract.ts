import { setTimeout as sleep } from 'node:timers/promises';
import { type Attempt, type Throttle, type ThrottleRule } from '../src/users/throttle';

const RULE: ThrottleRule = { free: 3, memorySeconds: 60, firstDelaySeconds: 1, longestDelaySeconds: 2 };

/**
 * What a throttle does, wherever it counts.
 *
 * @param throttles makes those of two processes that count together, or of one twice
 */
export function describeThrottle(throttles: (rule: ThrottleRule) => readonly [Throttle, Throttle]): void {
  let names = 0;
  const thing = (): string => `thing-${names++}`;
  const throttle = (rule = RULE): Throttle => throttles(rule)[0];
  const many = (count: number, begin: (i: number) => Promise<Attempt>) =>
    Promise.all(Array.from({ length: count }, (_, i) => begin(i)));
  const made = (attempts: readonly Attempt[]): number => attempts.filter(({ waitMs }) => waitMs === 0).length;
  /** Until what was to be waited for is over: a server's millisecond may end a little later than ours. */
  const waited = (ms: number): Promise<void> => sleep(ms + 20);

  it('lets the free attempts pass, the last of which begins a delay', async () => {
    const [tried, of] = [throttle(), thing()];
    expect(await tried.wait(of)).toBe(0);
    const attempts = [await tried.begin(of), await tried.begin(of), await tried.begin(of)];
    expect(attempts.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 0, 1]);
    expect(made(attempts)).toBe(3);
    const { waitMs } = await tried.begin(of);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1_000);
    expect(await tried.wait(of)).toBeLessThanOrEqual(waitMs);
    expect(await tried.wait(thing())).toBe(0);
  });

  it('lets one pass after each delay, which is twice as long as the one before, up to the longest', async () => {
    const [tried, of] = [throttle({ ...RULE, free: 1 }), thing()];
    for (const delaySeconds of [1, 2]) {
      expect(await tried.begin(of)).toEqual({ waitMs: 0, delaySeconds });
      const { waitMs } = await tried.begin(of);
      expect(waitMs).toBeGreaterThan(delaySeconds * 1_000 - 1_000);
      expect(waitMs).toBeLessThanOrEqual(delaySeconds * 1_000);
      await waited(waitMs);
      expect(await tried.wait(of)).toBe(0);
    }
    expect(await tried.begin(of)).toEqual({ waitMs: 0, delaySeconds: 2 });
  });

  it('lets no more pass that come at once, to whichever process', async () => {
    const [here, there] = throttles(RULE);
    const of = thing();
    const begin = (i: number) => (i % 2 === 0 ? here : there).begin(of);
    const attempts = await many(50, begin);
    expect(made(attempts)).toBe(3);
    expect(attempts.filter(({ delaySeconds }) => delaySeconds === 1)).toHaveLength(1);
    await waited(Math.max(...attempts.map(({ waitMs }) => waitMs)));
    const next = await many(50, begin);
    expect(made(next)).toBe(1);
    // The first delay is counted once, however many there were.
    expect(Math.max(...next.map(({ delaySeconds }) => delaySeconds))).toBe(2);
  });

  it('forgets the attempts that are cleared', async () => {
    const [tried, of] = [throttle(), thing()];
    await many(5, () => tried.begin(of));
    await tried.clear(of);
    expect(await tried.wait(of)).toBe(0);
    const attempts = [await tried.begin(of), await tried.begin(of), await tried.begin(of)];
    expect(attempts.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 0, 1]);
  });

  it('gives back one attempt that is taken back, and no other', async () => {
    const [tried, of] = [throttle(), thing()];
    await tried.begin(of);
    for (let i = 0; i < 5; i++) await tried.takeBack(of, await tried.begin(of));
    const [second, third] = [await tried.begin(of), await tried.begin(of)];
    expect([second, third].map(({ delaySeconds }) => delaySeconds)).toEqual([0, 1]);
    await tried.takeBack(of, third);
    expect(await tried.wait(of)).toBe(0);
    // As long as before.
    expect(await tried.begin(of)).toEqual({ waitMs: 0, delaySeconds: 1 });
    expect(await tried.wait(of)).toBeGreaterThan(0);
  });

  it('forgets failures after its time', async () => {
    const [tried, of] = [throttle({ ...RULE, memorySeconds: 1 }), thing()];
    await many(5, () => tried.begin(of));
    await waited(1_000);
    expect(made(await many(5, () => tried.begin(of)))).toBe(3);
  });
}
