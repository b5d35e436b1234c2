import { setTimeout as sleep } from 'node:timers/promises';
import { Repeater } from './repeater';

describe('Repeater', () => {
  const open: Repeater[] = [];
  const repeater = (task: () => Promise<void>, everyMs = 1, atMostMs = everyMs, onFailure = jest.fn()) => {
    open.push(new Repeater(task, { everyMs, atMostMs, onFailure }));
    return open.at(-1) as Repeater;
  };
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

  it('goes on by itself, one run at a time', async () => {
    let [runs, underWay, most] = [0, 0, 0];
    await new Promise<void>((resolve) => {
      const task = async (): Promise<void> => {
        most = Math.max(most, ++underWay);
        await sleep(2);
        underWay--;
        if (++runs === 3) resolve();
      };
      const one = repeater(task);
      void one.now();
      void one.now();
    });
    expect(most).toBe(1);
  });

  it('tells the first failure of several in a row, and the first after it has worked', async () => {
    const outcomes = ['a', 'b', undefined, 'c'];
    const onFailure = jest.fn();
    const one = repeater(
      () => {
        const reason = outcomes.shift();
        return reason === undefined ? Promise.resolve() : Promise.reject(new Error(reason));
      },
      60_000,
      60_000,
      onFailure,
    );
    while (outcomes.length > 0) await one.now();
    expect(onFailure.mock.calls.map(([error]) => (error as Error).message)).toEqual(['a', 'c']);
  });

  it('makes longer pauses while it fails, up to a limit, and goes back to short ones', async () => {
    const pauses = jest.spyOn(global, 'setTimeout');
    let fails = true;
    const one = repeater(() => (fails ? Promise.reject(new Error('x')) : Promise.resolve()), 1_000, 3_000);
    for (let i = 0; i < 3; i++) await one.now();
    fails = false;
    await one.now();
    expect(pauses.mock.calls.map(([, ms]) => ms)).toEqual([2_000, 3_000, 3_000, 1_000]);
  });

  it('is over once it is closed, which waits for the run under way', async () => {
    let done = 0;
    const one = repeater(async () => {
      await sleep(5);
      done++;
    });
    void one.now();
    await one.close();
    expect(done).toBe(1);
    await one.now();
    await sleep(10);
    expect(done).toBe(1);
  });
});
