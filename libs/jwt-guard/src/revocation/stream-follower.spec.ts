import { setTimeout as sleep } from 'node:timers/promises';
import { principalOf } from '../../test/principals';
import { RevocationCopy } from './revocation-copy';
import { type RevocationEntry } from './revocation-entry';
import { type RevocationStream, type StreamEvent, type StreamHead } from './revocation-stream';
import { type FollowerSteps, StreamFollower } from './stream-follower';

const LIMIT_MS = 5_000;
const jti = (value: string): RevocationEntry => ({ kind: 'jti', value, until: 9_999_999_999 });

/** A store that a test can do anything to. */
class Store implements RevocationStream {
  streamId = 'one';
  events: StreamEvent[] = [];
  entries = new Map<string, RevocationEntry>();
  exists = true;
  failing: string | undefined;
  #ids = 0;

  add(entry: RevocationEntry): void {
    const id = `${this.streamId}-${++this.#ids}`;
    const previous = this.events.at(-1)?.id ?? this.streamId;
    this.events.push({ streamId: this.streamId, n: (this.events.at(-1)?.n ?? 0) + 1, id, previous, entry });
    if (entry.kind !== 'keys') this.entries.set(JSON.stringify(entry), entry);
  }

  /** As a replica has it that hadn't heard of the last one. */
  loseLast(): void {
    const lost = this.events.pop();
    this.entries.delete(JSON.stringify(lost?.entry));
  }

  head(): Promise<StreamHead | undefined> {
    return this.#answer(() =>
      this.exists
        ? {
            streamId: this.streamId,
            createdMs: 1,
            last: this.events.at(-1)?.n ?? 0,
            tail: this.events.at(-1)?.id ?? this.streamId,
          }
        : undefined,
    );
  }

  async *snapshot(): AsyncGenerator<readonly RevocationEntry[]> {
    yield await this.#answer(() => [...this.entries.values()]);
  }

  recent(limit: number): Promise<readonly StreamEvent[]> {
    return this.#answer(() => this.events.slice(-limit));
  }

  async after(n: number, waitMs: number): Promise<readonly StreamEvent[]> {
    const found = () => this.events.filter((event) => event.n > n);
    for (const end = performance.now() + Math.min(waitMs, 40); performance.now() < end && found().length === 0;) {
      await sleep(2);
    }
    return this.#answer(found);
  }

  #answer<Value>(value: () => Value): Promise<Value> {
    return this.failing === undefined ? Promise.resolve(value()) : Promise.reject(new Error(this.failing));
  }
}

describe('whoever follows a stream', () => {
  let store: Store;
  let copy: RevocationCopy;
  let follower: StreamFollower | undefined;
  const told: string[] = [];

  beforeEach(() => {
    store = new Store();
    copy = new RevocationCopy({ issuer: 'https://issuer.test' });
    told.length = 0;
  });
  afterEach(() => follower?.close());

  function follow(steps: FollowerSteps = {}): void {
    const observer = {
      followed: ({ entries }: { entries: number }) => told.push(`followed ${entries}`),
      lost: ({ reason }: { reason: string }) => told.push(`lost: ${reason}`),
    };
    follower = new StreamFollower(store, { copy, observer, steps });
    follower.start();
    follower.start();
  }
  async function until(holds: () => boolean): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; !holds(); await sleep(2)) {
      if (performance.now() > end) throw new Error('it does not come true');
    }
  }
  const knows = (value: string): boolean => copy.isRevoked(principalOf({ jti: value }));

  it('knows first what was revoked before, then what comes', async () => {
    store.add(jti('before'));
    follow();
    await copy.whenReady;
    expect(knows('before')).toBe(true);
    expect(knows('later')).toBe(false);
    store.add(jti('later'));
    await until(() => knows('later'));
    expect(told).toEqual(['followed 1']);
  });

  it('gives on the events behind the snapshot, in order and none twice', async () => {
    store.add(jti('before'));
    const given: number[] = [];
    const merged: [string, boolean][] = [];
    follow({
      followed: (events) => void given.push(...events.map(({ n }) => n)),
      merged: ({ streamId, last }, goesOn) => Promise.resolve(void merged.push([`${streamId}.${last}`, goesOn])),
    });
    await copy.whenReady;
    for (let i = 0; i < 5; i++) store.add(jti(`later ${i}`));
    await until(() => given.length === 5);
    expect(given).toEqual([2, 3, 4, 5, 6]);
    expect(merged).toEqual([['one.1', false]]);
  });

  it('reads everything once more after a failure, and goes on with the events where it was', async () => {
    const given: number[] = [];
    const merged: boolean[] = [];
    follow({
      followed: (events) => void given.push(...events.map(({ n }) => n)),
      merged: (_head, goesOn) => Promise.resolve(void merged.push(goesOn)),
    });
    await copy.whenReady;
    store.failing = 'away';
    await until(() => told.includes('lost: away'));
    store.add(jti('meanwhile'));
    store.failing = undefined;
    await until(() => knows('meanwhile') && given.length === 1);
    expect(merged).toEqual([false, true]);
    await until(() => told.length === 3);
    expect(told).toEqual(['followed 0', 'lost: away', 'followed 1']);
  });

  it('grows older while it fails, and says why once', async () => {
    follow();
    await copy.whenReady;
    await until(() => copy.ageSeconds < 0.1);
    store.failing = 'away';
    await until(() => copy.ageSeconds > 0.5);
    store.failing = undefined;
    await until(() => copy.ageSeconds < 0.1);
    expect(told.filter((line) => line.startsWith('lost'))).toEqual(['lost: away']);
  });

  it.each<[string, (store: Store) => void]>([
    [
      'another stream',
      (changed) => {
        changed.streamId = 'two';
        changed.events = [];
        changed.add(jti('new'));
      },
    ],
    [
      'a stream that has lost its last event',
      (changed) => {
        changed.loseLast();
        changed.entries.set('new', jti('new'));
      },
    ],
    [
      'a stream that has another event in its place',
      (changed) => {
        changed.loseLast();
        changed.add(jti('new'));
      },
    ],
    [
      'a stream that was trimmed past it',
      (changed) => {
        changed.add(jti('new'));
        changed.add(jti('newer'));
        changed.events = changed.events.slice(-1);
      },
    ],
  ])('notices %s: reads everything once more, and takes nothing back', async (_what, change) => {
    store.add(jti('first'));
    store.add(jti('second'));
    const merged: boolean[] = [];
    follow({ merged: (_head, goesOn) => Promise.resolve(void merged.push(goesOn)) });
    await copy.whenReady;
    store.add(jti('third'));
    await until(() => knows('third'));
    change(store);
    await until(() => knows('new'));
    await until(() => merged.length > 1);
    expect(merged[1]).toBe(false);
    for (const known of ['first', 'second', 'third']) expect(knows(known)).toBe(true);
    store.add(jti('last'));
    await until(() => knows('last'));
  });

  it('tells that keys have changed, and goes on with what comes then', async () => {
    follow();
    const changed = jest.fn();
    copy.onKeysChanged(changed);
    await copy.whenReady;
    expect(changed).not.toHaveBeenCalled();
    store.add({ kind: 'keys', version: 2 });
    store.add(jti('later'));
    await until(() => knows('later'));
    expect(changed).toHaveBeenCalledTimes(1);
    expect(copy.stats.entries).toBe(1);
  });

  it('tells that keys may have changed when it can not go on where it was', async () => {
    follow();
    const changed = jest.fn();
    copy.onKeysChanged(changed);
    await copy.whenReady;
    store.streamId = 'two';
    store.events = [];
    store.add(jti('new'));
    await until(() => changed.mock.calls.length > 0);
    expect(knows('new')).toBe(true);
  });

  it('misses no change of keys while the store is away, and makes none up', async () => {
    follow();
    const changed = jest.fn();
    copy.onKeysChanged(changed);
    await copy.whenReady;
    for (const entry of [jti('meanwhile'), { kind: 'keys', version: 2 } as const]) {
      told.length = 0;
      store.failing = 'away';
      await until(() => told.includes('lost: away'));
      expect(changed).not.toHaveBeenCalled();
      store.add(entry);
      store.failing = undefined;
      await until(() => told.length === 2);
    }
    await until(() => changed.mock.calls.length === 1);
  });

  it('waits for a stream that is not there, and is not complete before it is', async () => {
    store.exists = false;
    follow();
    await until(() => told.includes('lost: the store holds no stream of revocations'));
    expect(copy.ready).toBe(false);
    store.exists = true;
    await copy.whenReady;
  });

  it('may begin it itself', async () => {
    store.exists = false;
    follow({ missing: () => Promise.resolve(void (store.exists = true)) });
    await copy.whenReady;
    expect(told).toEqual(['followed 0']);
  });

  it('takes a step that fails for a failure of the store, and tries it again', async () => {
    let failures = 0;
    follow({ merged: () => (failures++ < 2 ? Promise.reject(new Error('not now')) : Promise.resolve()) });
    await copy.whenReady;
    expect(failures).toBe(3);
    expect(told).toEqual(['lost: not now', 'followed 0']);
  });

  it('ends when it is closed, whatever it is doing', async () => {
    follow();
    await copy.whenReady;
    await follower?.close();
    store.add(jti('too late'));
    await sleep(20);
    expect(knows('too late')).toBe(false);
    store.failing = 'away';
    follow();
    await until(() => told.includes('lost: away'));
    await follower?.close();
  });
});
