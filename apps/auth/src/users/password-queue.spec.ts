import { PASSWORDS_AT_ONCE as AT_ONCE } from './password-capacity';
import { PasswordQueue } from './password-queue';

describe('PasswordQueue', () => {
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

  it('lets one account have all places, of which it gives the newest up for others', async () => {
    const running = Array.from({ length: AT_ONCE + 50 }, () =>
      queue.run('alice', task).catch((error: unknown) => error),
    );
    await expect(queue.run('alice', task)).rejects.toThrow(busy);
    const others = ['bob', 'carol', 'bob'].map((name) => queue.run(name, task));
    for (let i = 0; i < AT_ONCE + 50; i++) {
      await settled();
      for (const each of end.splice(0)) each();
    }
    expect(await Promise.all(others)).toEqual(['done', 'done', 'done']);
    const outcomes = await Promise.all(running);
    expect(outcomes.slice(0, -3)).toEqual(Array.from({ length: AT_ONCE + 47 }, () => 'done'));
    expect(outcomes.slice(-3)).toEqual([busy, busy, busy]);
    expect(started).toBe(AT_ONCE + 50);
  });

  it('makes no room for who would have as many', async () => {
    const some = Math.floor((AT_ONCE + 50) / 2);
    const alice = Array.from({ length: some }, () => queue.run('alice', task));
    const bob = Array.from({ length: AT_ONCE + 50 - some }, () => queue.run('bob', task));
    await expect(queue.run('alice', task)).rejects.toThrow(busy);
    for (let i = 0; i < AT_ONCE + 50; i++) {
      await settled();
      for (const each of end.splice(0)) each();
    }
    await Promise.all([...alice, ...bob]);
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
