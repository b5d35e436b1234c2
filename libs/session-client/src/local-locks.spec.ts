import { LocalLocks } from './local-locks.js';

describe('a lock', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('is held by one at a time, in the order in which they came', async () => {
    const locks = new LocalLocks();
    const order: string[] = [];
    const work = (name: string) =>
      locks.request('a', {}, async () => {
        order.push(`${name} in`);
        await turn();
        order.push(`${name} out`);
        return name;
      });
    expect(await Promise.all([work('1'), work('2'), work('3')])).toEqual(['1', '2', '3']);
    expect(order).toEqual(['1 in', '1 out', '2 in', '2 out', '3 in', '3 out']);
  });

  it('is another one under another name', async () => {
    const locks = new LocalLocks();
    void locks.request('a', {}, () => new Promise(() => undefined));
    expect(await locks.request('b', {}, () => Promise.resolve('b'))).toBe('b');
  });

  it('is free again after work that failed', async () => {
    const locks = new LocalLocks();
    const error = new Error('failed');
    await expect(locks.request('a', {}, () => Promise.reject(error))).rejects.toBe(error);
    expect(await locks.request('a', {}, () => Promise.resolve(1))).toBe(1);
  });

  it('is waited for until the signal says no: the work is not done, and who comes after waits on', async () => {
    const locks = new LocalLocks();
    let release = (): void => undefined;
    const first = locks.request('a', {}, () => new Promise<void>((resolve) => (release = resolve)));
    const stop = new AbortController();
    const reason = new Error('enough');
    const work = jest.fn(() => Promise.resolve());
    const second = locks.request('a', { signal: stop.signal }, work);
    let hasThird = false;
    const third = locks.request('a', {}, () => {
      hasThird = true;
      return Promise.resolve();
    });
    await turn();
    stop.abort(reason);
    await expect(second).rejects.toBe(reason);
    await turn();
    expect(hasThird).toBe(false);
    release();
    await Promise.all([first, third]);
    expect(work).not.toHaveBeenCalled();
  });

  it('is not taken under a signal that has said no before', async () => {
    const reason = new Error('enough');
    const work = jest.fn(() => Promise.resolve());
    await expect(new LocalLocks().request('a', { signal: AbortSignal.abort(reason) }, work)).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
  });
});
