import { availableParallelism } from 'node:os';
import { PasswordQueue } from './password-queue';

describe('PasswordQueue', () => {
  const AT_ONCE = 2 * availableParallelism();
  const busy = expect.objectContaining({ code: 'login_busy', status: 503 }) as Error;
  let queue: PasswordQueue;
  let started: number;
  let end: (() => void)[];

  beforeEach(() => {
    queue = new PasswordQueue();
    started = 0;
    end = [];
  });

  const task = (): Promise<string> => {
    started++;
    return new Promise((resolve) => end.push(() => resolve('done')));
  };
  let names = 0;
  const somebody = (): string => `user ${names++}`;
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('runs two for each core at once, lets 50 wait, and refuses the others', async () => {
    const running = Array.from({ length: AT_ONCE + 50 }, () => queue.run(somebody(), task));
    expect(started).toBe(AT_ONCE);
    await expect(queue.run(somebody(), task)).rejects.toThrow(busy);
    // One ends, and another is let in to wait.
    end.shift()?.();
    await running.shift();
    const last = queue.run(somebody(), task);
    await expect(queue.run(somebody(), task)).rejects.toThrow(busy);
    expect(started).toBe(AT_ONCE + 1);
    while (end.length > 0) {
      for (const each of end.splice(0)) each();
      await settled();
    }
    expect(await Promise.all([...running, last])).toEqual(Array.from({ length: AT_ONCE + 50 }, () => 'done'));
    expect(started).toBe(AT_ONCE + 51);
  });

  it('runs one at a time of those for one account, and others beside it', async () => {
    const running = [queue.run('alice', task), queue.run('alice', task), queue.run('bob', task)];
    await settled();
    expect(started).toBe(2);
    end.shift()?.();
    await running.shift();
    await settled();
    expect(started).toBe(3);
    for (const each of end) each();
    expect(await Promise.all(running)).toEqual(['done', 'done']);
  });

  it('lets no more wait for one account than for all', async () => {
    const running = Array.from({ length: AT_ONCE + 50 }, () => queue.run('alice', task));
    await expect(queue.run('bob', task)).rejects.toThrow(busy);
    for (let i = 0; i < AT_ONCE + 50; i++) {
      await settled();
      end.shift()?.();
    }
    await Promise.all(running);
    expect(started).toBe(AT_ONCE + 50);
    const last = queue.run('alice', task);
    end.shift()?.();
    expect(await last).toBe('done');
  });

  it('goes on after one that fails, which is told why', async () => {
    const failing = Array.from({ length: AT_ONCE }, () => queue.run('alice', () => Promise.reject(new Error('away'))));
    for (const each of failing) await expect(each).rejects.toThrow('away');
    expect(await queue.run('alice', () => Promise.resolve(1))).toBe(1);
  });
});
