import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '@token-relay/service-kit';
import { activeKey, type RingTimes, standbyKey } from './key-ring';
import { RingSeal } from './ring-seal';
import { EmbeddedRingStore, type RingStore, type StoredRing } from './ring-store';
import { SigningKeys, type SigningKeysOptions } from './signing-keys';

const LIMIT_MS = 5_000;
const TIMES: RingTimes = {
  jwksMaxAgeSeconds: 60,
  longestTokenSeconds: 420,
  lateHandlingSeconds: 0,
  rotationSeconds: 86_400,
};
const kek = (letter: string): string => Buffer.alloc(32, letter).toString('base64');

/** A store that can be away. */
class Store implements RingStore {
  #kept = new EmbeddedRingStore();
  away = false;
  leader: string | undefined;
  monotonic = 0;
  readonly #late = new Map<number, number>();
  written: StoredRing | undefined;

  read(): Promise<StoredRing | undefined> {
    return this.away ? Promise.reject(new StoreUnavailable()) : this.#kept.read();
  }

  async write(ring: StoredRing, replacing: string | undefined): Promise<boolean> {
    if (this.away) throw new StoreUnavailable();
    const done = await this.#kept.write(ring, replacing);
    if (done) {
      this.written = ring;
      this.writes++;
    }
    return done;
  }

  writes = 0;

  /** As after FLUSHALL, or with what a replica has that is promoted. */
  async forget(what?: StoredRing): Promise<void> {
    this.#kept = new EmbeddedRingStore();
    if (what) await this.#kept.write(what, undefined);
  }

  lead(id = ''): Promise<boolean> {
    return Promise.resolve((this.leader ??= id) === id);
  }

  async mostLateHandling(seconds: number, forMs: number): Promise<number> {
    if (this.away) throw new StoreUnavailable();
    this.#late.set(seconds, this.monotonic + forMs);
    const said = [...this.#late].filter(([, until]) => until > this.monotonic);
    return Promise.resolve(Math.max(...said.map(([most]) => most)));
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + LIMIT_MS; !holds(); await sleep(5)) {
    if (performance.now() > end) throw new Error('it does not come true');
  }
}

describe('the signing keys', () => {
  let now: number;
  let monotonic: number;
  let store: Store;
  const opened: SigningKeys[] = [];
  const published: { version: number; compromised: readonly string[] }[] = [];
  const revoked = new Set<string>();
  const troubles: unknown[] = [];

  beforeEach(() => {
    [now, monotonic] = [1_000_000, 0];
    store = new Store();
    published.length = 0;
    troubles.length = 0;
    revoked.clear();
  });
  afterEach(async () => {
    for (const keys of opened.splice(0)) await keys.close();
  });

  async function open(more: Partial<SigningKeysOptions> = {}): Promise<SigningKeys> {
    const keys = await SigningKeys.open({
      store,
      seal: new RingSeal(kek('a')),
      times: TIMES,
      algorithm: 'ES256',
      publish: (change) => {
        published.push(change);
        for (const kid of change.compromised) revoked.add(kid);
        return Promise.resolve();
      },
      isRevoked: (kid) => revoked.has(kid),
      onTrouble: (error) => troubles.push(error),
      now: () => now,
      monotonic: () => monotonic,
      ...more,
    });
    opened.push(keys);
    return keys;
  }

  it('are the same for all who share a store', async () => {
    const [one, other] = [await open(), await open()];
    expect(other.signer.kid).toBe(one.signer.kid);
    expect(other.jwks).toEqual(one.jwks);
    expect(one.jwks.keys).toHaveLength(2);
  });

  it('are published without a private member, and kept without a readable one', async () => {
    const { jwks } = await open();
    for (const key of jwks.keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    }
    expect(store.written?.sealed).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it('rotate for all: whoever is asked', async () => {
    const [one, other] = [await open(), await open()];
    const next = standbyKey(one.ring).kid;
    now += 120;
    await other.rotate('admin');
    expect(other.signer.kid).toBe(next);
    await one.look();
    expect(one.signer.kid).toBe(next);
    expect(published).toEqual([{ version: other.ring.version, compromised: [] }]);
  });

  it('rotate as time passes, by one of them alone', async () => {
    const [one, other] = [await open(), await open()];
    now += TIMES.rotationSeconds;
    await Promise.all([one.look(), other.look()]);
    await Promise.all([one.look(), other.look()]);
    expect(one.ring).toEqual(other.ring);
    expect(one.ring.history.filter(({ what }) => what === 'activated')).toHaveLength(2);
    expect(activeKey(one.ring).kid).toBe(one.signer.kid);
  });

  it('are changed once by two who change them at once', async () => {
    const [one, other] = [await open(), await open()];
    now += 120;
    const results = await Promise.allSettled([one.rotate('a', 'EdDSA'), other.rotate('b', 'RS256')]);
    // The second finds the first one's plan.
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await Promise.all([one.look(), other.look()]);
    expect(one.ring).toEqual(other.ring);
  });

  it('are changed by both of two who can both be right', async () => {
    const [one, other] = [await open(), await open()];
    const [active, standby] = [activeKey(one.ring).kid, standbyKey(one.ring).kid];
    await Promise.all([one.compromise(active, 'a'), other.compromise(standby, 'b')]);
    await Promise.all([one.look(), other.look()]);
    expect(one.ring).toEqual(other.ring);
    expect(
      one.ring.keys
        .filter(({ state }) => state === 'compromised')
        .map(({ kid }) => kid)
        .sort(),
    ).toEqual([active, standby].sort());
  });

  it('sign nothing while nobody can say whether they are still the ones', async () => {
    const keys = await open();
    store.away = true;
    monotonic = 10_000;
    expect(keys.signer.kid).toBe(activeKey(keys.ring).kid);
    monotonic = 10_001;
    expect(() => keys.signer).toThrow(StoreUnavailable);
    await keys.look();
    expect(() => keys.signer).toThrow(StoreUnavailable);
    store.away = false;
    await keys.look();
    expect(keys.signer.kid).toBe(activeKey(keys.ring).kid);
    expect(troubles).toHaveLength(1);
  });

  it('that are compromised are told of, until that succeeds, by whoever notices', async () => {
    let failing = true;
    const publish: SigningKeysOptions['publish'] = ({ compromised }) => {
      if (failing) return Promise.reject(new StoreUnavailable());
      for (const kid of compromised) revoked.add(kid);
      return Promise.resolve();
    };
    const [one, other] = [await open({ publish }), await open({ publish })];
    const { kid } = one.signer;
    await expect(one.compromise(kid, 'admin')).rejects.toBeInstanceOf(StoreUnavailable);
    expect(one.signer.kid).not.toBe(kid);
    failing = false;
    await other.look();
    expect(revoked).toEqual(new Set([kid]));
    expect(other.jwks.keys.map((key) => key.kid)).not.toContain(kid);
  });

  it('are put back where the store has lost them, and where it has an older one', async () => {
    const keys = await open();
    const before = store.written;
    now += 120;
    await keys.rotate('admin');
    const current = store.written;
    await store.forget(before);
    await keys.look();
    expect((await store.read())?.version).toBe(current?.version);
    const other = await open();
    expect(other.signer.kid).toBe(keys.signer.kid);
  });

  it('are put back once where the store has lost them, though each of two does', async () => {
    const [one, other] = [await open(), await open()];
    await store.forget();
    store.writes = 0;
    for (let i = 0; i < 5; i++) for (const keys of [one, other]) await keys.look();
    expect(store.writes).toBe(1);
    expect(other.signer.kid).toBe(one.signer.kid);
  });

  it('are those of the store, where that has lost one change and got another of the same number', async () => {
    const [one, other] = [await open(), await open()];
    const before = await store.read();
    now += 120;
    await one.rotate('a');
    // As a replica that is promoted hadn't heard of it.
    await store.forget(before);
    await other.rotate('b', 'EdDSA');
    expect(one.ring.version).toBe(other.ring.version + 1);
    for (let i = 0; i < 3; i++) for (const keys of [other, one]) await keys.look();
    expect(one.ring).toEqual(other.ring);
  });

  it('that everybody refuses sign nothing, and leave the ring that does not say so', async () => {
    const keys = await open();
    const { kid } = keys.signer;
    revoked.add(kid);
    expect((await keys.signingKey()).kid).not.toBe(kid);
    expect(keys.ring.keys.find((key) => key.kid === kid)?.state).toBe('compromised');
    for (const key of keys.ring.keys) revoked.add(key.kid);
    store.away = true;
    await expect(keys.signingKey()).rejects.toBeInstanceOf(StoreUnavailable);
  });

  it('are not made by who only wants to work on them', async () => {
    await expect(open({ mustExist: true })).rejects.toThrow('there are no signing keys');
    expect(await store.read()).toBeUndefined();
  });

  it('say how late tokens may be judged: longer only when everything was kept for so long', async () => {
    const [one] = [await open()];
    expect(one.lateHandlingSeconds).toBe(0);
    const times = { ...TIMES, lateHandlingSeconds: 3_600 };
    const other = await open({ times });
    await other.look();
    await one.look();
    expect(other.ring.late).toEqual({ seconds: 3_600, since: now + 10, before: 0 });
    now += 3_609;
    expect(other.lateHandlingSeconds).toBe(0);
    now += 1;
    expect(other.lateHandlingSeconds).toBe(3_600);
    await store.forget();
    store.leader = undefined;
    expect((await open({ times })).lateHandlingSeconds).toBe(3_600);
  });

  describe('of auths that have not the same time for handling tokens late', () => {
    const LONG = { ...TIMES, lateHandlingSeconds: 3_600 };
    const told: number[] = [];
    /** Each leads in turn, as it happens when the lease has run out. */
    const lookInTurn = async (...keys: SigningKeys[]): Promise<void> => {
      for (const each of keys) {
        store.leader = undefined;
        await each.look();
      }
    };
    const pass = (ms: number) => {
      now += ms / 1_000;
      store.monotonic = monotonic += ms;
    };
    beforeEach(() => void told.splice(0));

    it('keep to the longer one, without changing the ring ever again', async () => {
      const short = await open({ onLongerLateHandling: (seconds) => told.push(seconds) });
      const long = await open({ times: LONG, onLongerLateHandling: (seconds) => told.push(seconds) });
      await lookInTurn(short, long, short);
      const { version } = long.ring;
      for (let i = 0; i < 400; i++) {
        pass(500);
        await lookInTurn(short, long);
      }
      expect(long.ring.version).toBe(version);
      expect([short.ring.late?.seconds, short.keptLateSeconds, long.keptLateSeconds]).toEqual([3_600, 3_600, 3_600]);
      expect(told).toEqual([3_600]);
    });

    it('take the shorter one a minute after the last one with the longer has gone', async () => {
      const long = await open({ times: LONG });
      await long.look();
      const short = await open();
      pass(59_999);
      await lookInTurn(short);
      expect(short.ring.late?.seconds).toBe(3_600);
      pass(1);
      await lookInTurn(short);
      expect([short.ring.late?.seconds, short.keptLateSeconds]).toEqual([0, 0]);
    });
  });

  it('are followed without being asked', async () => {
    const [one, other] = [await open(), await open()];
    other.start();
    const { kid } = one.signer;
    await one.compromise(kid, 'admin');
    await until(() => other.signer.kid !== kid);
  });

  describe('encrypted with a key that is changed', () => {
    it('are read with the old one, and encrypted with the new one', async () => {
      const keys = await open();
      const sealed = store.written?.sealed;
      const changed = await open({ seal: new RingSeal(kek('b'), [kek('a')]) });
      expect(changed.signer.kid).toBe(keys.signer.kid);
      await changed.look();
      expect(store.written?.sealed).not.toBe(sealed);
      const later = await open({ seal: new RingSeal(kek('b')) });
      expect(later.signer.kid).toBe(keys.signer.kid);
      // Who doesn't know the new one yet can't follow, and says so.
      await keys.look();
      expect(troubles).toHaveLength(1);
    });

    it('are left as another one has encrypted them for a minute: each may be right while an update rolls', async () => {
      const before = await open({ seal: new RingSeal(kek('a'), [kek('b')]) });
      const after = await open({ seal: new RingSeal(kek('b'), [kek('a')]) });
      await after.look();
      const { version } = after.ring;
      store.leader = undefined;
      await before.look();
      monotonic += 59_000;
      await before.look();
      expect(before.ring.version).toBe(version);
      monotonic += 2_000;
      await before.look();
      expect(before.ring).toMatchObject({ version: version + 1 });
      expect(before.ring.history.at(-1)).toMatchObject({ what: 'resealed' });
    });

    it('are not overwritten by whoever has the wrong one', async () => {
      await open();
      const before = store.written;
      await expect(open({ seal: new RingSeal(kek('b'), [kek('c')]) })).rejects.toThrow('nothing was changed');
      expect(store.written).toBe(before);
    });
  });
});

it('a store that never keeps a ring stops the start', async () => {
  const store: RingStore = {
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve(false),
    lead: () => Promise.resolve(true),
    mostLateHandling: (seconds) => Promise.resolve(seconds),
  };
  const opening = SigningKeys.open({
    store,
    seal: new RingSeal(kek('a')),
    times: TIMES,
    algorithm: 'ES256',
    publish: () => Promise.resolve(),
    isRevoked: () => false,
  });
  await expect(opening).rejects.toThrow('do not stay in Redis');
});
