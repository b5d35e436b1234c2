import fc from 'fast-check';
import {
  activeKey,
  advance,
  compromise,
  compromiseAll,
  fitsIntoKeySet,
  isDue,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  lateHandlingSeconds,
  leadSeconds,
  newRing,
  planRotation,
  publishedKeys,
  resealed,
  type Ring,
  RotationPending,
  standbyKey,
  UnknownKey,
  withLateHandling,
} from './key-ring';

const TIMES = { jwksMaxAgeSeconds: 60, longestTokenSeconds: 420, lateHandlingSeconds: 0, rotationSeconds: 86_400 };
const LEAD = 120;

let made = 0;
/** Keys that only have names. */
const generate = (algorithm: KeyAlgorithm) => {
  const kid = `key-${++made}`;
  return Promise.resolve({ kid, algorithm, jwks: { public: { kid }, private: { d: kid } } });
};
const at = (now: number) => ({ now, by: 'a test' });
const start = () => newRing('ring', 'ES256', generate, at(0));
const statesOf = (ring: Ring): Record<string, string> =>
  Object.fromEntries(ring.keys.map(({ kid, state }) => [kid, state]));
const whatHappened = (ring: Ring): string[] => ring.history.map(({ what }) => what);

describe('a new ring', () => {
  it('has a key that signs at once, and the next one, published', async () => {
    const ring = await start();
    expect(ring.keys.map(({ state }) => state)).toEqual(['active', 'pending']);
    expect(ring).toMatchObject({ version: 1, createdAt: 0 });
    expect(publishedKeys(ring)).toHaveLength(2);
    expect(whatHappened(ring)).toEqual(['created', 'activated', 'published']);
  });

  it('is changed by nothing but time', async () => {
    const ring = await start();
    expect(isDue(ring, TIMES, TIMES.rotationSeconds - 1)).toBe(false);
    expect(await advance(ring, TIMES, generate, at(TIMES.rotationSeconds - 1))).toBe(ring);
    expect(isDue(ring, TIMES, TIMES.rotationSeconds)).toBe(true);
  });
});

describe('a rotation', () => {
  it('comes by itself: the standby signs, the old key stays until its last token has expired', async () => {
    const ring = await start();
    const [old, next] = [activeKey(ring).kid, standbyKey(ring).kid];
    const due = TIMES.rotationSeconds;
    const rotated = await advance(ring, TIMES, generate, at(due));
    expect(activeKey(rotated)).toMatchObject({ kid: next, activatedAt: due });
    expect(statesOf(rotated)[old]).toBe('retiring');
    expect(standbyKey(rotated)).toMatchObject({ publishedAt: due, algorithm: 'ES256' });
    expect(publishedKeys(rotated)).toHaveLength(3);
    const end = due + TIMES.longestTokenSeconds;
    expect(await advance(rotated, TIMES, generate, at(end - 1))).toBe(rotated);
    const retired = await advance(rotated, TIMES, generate, at(end));
    expect(retired.keys.find(({ kid }) => kid === old)).toEqual({
      kid: old,
      algorithm: 'ES256',
      state: 'retired',
      publishedAt: 0,
      activatedAt: 0,
      deactivatedAt: due,
      removedAt: end,
    });
    expect(publishedKeys(retired)).toHaveLength(2);
  });

  it('waits for a standby that is too young', async () => {
    const ring = await start();
    const young = await compromise(ring, TIMES, standbyKey(ring).kid, generate, at(86_390));
    expect(isDue(young, TIMES, 86_400)).toBe(false);
    expect(isDue(young, TIMES, 86_390 + LEAD)).toBe(true);
  });

  it('that is asked for is planned for when every verifier has had time to fetch the key', async () => {
    const ring = await start();
    expect(leadSeconds(TIMES)).toBe(LEAD);
    const planned = await planRotation(ring, TIMES, undefined, generate, at(10));
    expect(planned.rotation).toEqual({ kid: standbyKey(ring).kid, dueAt: LEAD });
    expect(isDue(planned, TIMES, LEAD - 1)).toBe(false);
    expect(activeKey(await advance(planned, TIMES, generate, at(LEAD - 1))).kid).toBe(activeKey(ring).kid);
    const rotated = await advance(planned, TIMES, generate, at(LEAD));
    expect(activeKey(rotated).kid).toBe(standbyKey(ring).kid);
    expect(rotated.rotation).toBeUndefined();
  });

  it('is at once where the standby is old enough', async () => {
    const planned = await planRotation(await start(), TIMES, undefined, generate, at(LEAD));
    expect(planned.rotation?.dueAt).toBe(LEAD);
    expect(isDue(planned, TIMES, LEAD)).toBe(true);
  });

  it('to another algorithm makes a key for it first', async () => {
    const ring = await start();
    const planned = await planRotation(ring, TIMES, 'EdDSA', generate, at(1_000));
    expect(standbyKey(planned)).toMatchObject({ algorithm: 'EdDSA', publishedAt: 1_000 });
    expect(planned.rotation?.dueAt).toBe(1_000 + LEAD);
    const rotated = await advance(planned, TIMES, generate, at(1_000 + LEAD));
    expect(activeKey(rotated).algorithm).toBe('EdDSA');
    expect(standbyKey(rotated).algorithm).toBe('EdDSA');
    expect(statesOf(rotated)[activeKey(ring).kid]).toBe('retiring');
    // What was published, and has signed nothing, can have leaked all the same.
    expect(statesOf(planned)[standbyKey(ring).kid]).toBe('retired');
  });

  it('leaves a key that signs no more without its private half', async () => {
    const ring = await start();
    const rotated = await advance(ring, TIMES, generate, at(TIMES.rotationSeconds));
    const old = rotated.keys.find(({ state }) => state === 'retiring');
    expect(Object.keys(old?.jwks ?? {})).toEqual(['public']);
  });

  it('is refused while another one is planned', async () => {
    const planned = await planRotation(await start(), TIMES, undefined, generate, at(10));
    await expect(planRotation(planned, TIMES, 'RS256', generate, at(11))).rejects.toBeInstanceOf(RotationPending);
  });
});

describe('a compromise', () => {
  it('of the key that signs takes it out at once, and the standby signs, however young', async () => {
    const ring = await start();
    const [old, next] = [activeKey(ring).kid, standbyKey(ring).kid];
    const after = await compromise(ring, TIMES, old, generate, { ...at(5), reason: 'leaked' });
    expect(activeKey(after).kid).toBe(next);
    expect(standbyKey(after).publishedAt).toBe(5);
    const found = after.keys.find(({ kid }) => kid === old);
    expect(found).toMatchObject({ state: 'compromised', removedAt: 5, deactivatedAt: 5 });
    expect(found).not.toHaveProperty('jwks');
    expect(publishedKeys(after).map(({ kid }) => kid)).not.toContain(old);
    expect(after.history).toContainEqual({ at: 5, what: 'compromised', kid: old, by: 'a test', reason: 'leaked' });
  });

  it('of the standby makes another of its kind, which signs when that would have, and may', async () => {
    const planned = await planRotation(await start(), TIMES, undefined, generate, at(10));
    const after = await compromise(planned, TIMES, standbyKey(planned).kid, generate, at(20));
    expect(activeKey(after).kid).toBe(activeKey(planned).kid);
    expect(standbyKey(after).publishedAt).toBe(20);
    expect(after.rotation).toEqual({ kid: standbyKey(after).kid, dueAt: 20 + LEAD });
    const unplanned = await start();
    expect((await compromise(unplanned, TIMES, standbyKey(unplanned).kid, generate, at(20))).rotation).toBeUndefined();
  });

  it('undoes no change of algorithm', async () => {
    const planned = await planRotation(await start(), TIMES, 'EdDSA', generate, at(10));
    const early = await compromise(planned, TIMES, standbyKey(planned).kid, generate, at(20));
    expect(standbyKey(early).algorithm).toBe('EdDSA');
    const late = await compromise(planned, TIMES, activeKey(planned).kid, generate, at(20));
    expect([activeKey(late).algorithm, standbyKey(late).algorithm]).toEqual(['EdDSA', 'EdDSA']);
  });

  it('is never forgotten, however many keys have come and gone', async () => {
    let ring = await start();
    const first = activeKey(ring).kid;
    ring = await compromise(ring, TIMES, first, generate, at(5));
    for (let day = 1; day <= 120; day++) {
      for (const second of [0, TIMES.longestTokenSeconds]) {
        ring = await advance(ring, TIMES, generate, at(day * 90_000 + second));
      }
    }
    expect(ring.keys.filter(({ state }) => state === 'retired')).toHaveLength(100);
    const after = await compromiseAll(ring, generate, at(20_000_000));
    expect(statesOf(after)[first]).toBe('compromised');
    expect(after.keys.filter(({ state }) => state === 'compromised')).toHaveLength(103);
    const again = await compromiseAll(after, generate, at(20_000_001));
    expect(again.keys.filter(({ state }) => state === 'compromised')).toHaveLength(105);
  });

  it('of one that retires, or has, leaves the others as they are', async () => {
    const ring = await start();
    const rotated = await advance(ring, TIMES, generate, at(TIMES.rotationSeconds));
    const retired = await advance(rotated, TIMES, generate, at(TIMES.rotationSeconds + TIMES.longestTokenSeconds));
    for (const each of [rotated, retired]) {
      const after = await compromise(each, TIMES, activeKey(ring).kid, generate, at(90_000));
      expect(activeKey(after)).toEqual(activeKey(each));
      expect(standbyKey(after)).toEqual(standbyKey(each));
      expect(statesOf(after)[activeKey(ring).kid]).toBe('compromised');
    }
  });

  it('changes nothing the second time, and is unknown for what never was in the ring', async () => {
    const ring = await start();
    const once = await compromise(ring, TIMES, activeKey(ring).kid, generate, at(5));
    expect(await compromise(once, TIMES, activeKey(ring).kid, generate, at(6))).toBe(once);
    await expect(compromise(ring, TIMES, 'nobody', generate, at(5))).rejects.toBeInstanceOf(UnknownKey);
  });

  it('of all leaves none of them, whatever was planned', async () => {
    const planned = await planRotation(await start(), TIMES, undefined, generate, at(10));
    const after = await compromiseAll(planned, generate, at(20));
    expect(Object.values(statesOf(after)).sort()).toEqual(['active', 'compromised', 'compromised', 'pending']);
    expect(after.rotation).toBeUndefined();
    expect(publishedKeys(after).every(({ publishedAt }) => publishedAt === 20)).toBe(true);
  });
});

describe('a key whose tokens are judged late', () => {
  const late = { ...TIMES, lateHandlingSeconds: 3_600 };
  const due = TIMES.rotationSeconds;
  const end = due + TIMES.longestTokenSeconds + 3_600;

  it('stays for as long as they are, to the second', async () => {
    const ring = await start();
    const rotated = await advance(ring, late, generate, at(due));
    expect(rotated.keys.find(({ state }) => state === 'retiring')?.removedAt).toBe(end);
    expect(await advance(rotated, late, generate, at(end - 1))).toBe(rotated);
    expect(isDue(rotated, late, end - 1)).toBe(false);
    expect(statesOf(await advance(rotated, late, generate, at(end)))[activeKey(ring).kid]).toBe('retired');
  });

  it('leaves at once all the same if it is compromised, whether it signs or has', async () => {
    const ring = await start();
    const rotated = await advance(ring, late, generate, at(due));
    for (const each of [ring, rotated]) {
      const after = await compromise(each, late, activeKey(ring).kid, generate, at(due + 1));
      expect(publishedKeys(after).map(({ kid }) => kid)).not.toContain(activeKey(ring).kid);
    }
  });

  it('stays longer if that becomes longer while it retires, and as long as was said if it becomes shorter', async () => {
    for (const [first, then] of [
      [TIMES, late],
      [late, TIMES],
    ] as const) {
      const ring = withLateHandling(await start(), first.lateHandlingSeconds, at(0));
      const rotated = await advance(ring, first, generate, at(due));
      const changed = withLateHandling(rotated, then.lateHandlingSeconds, at(due + 1));
      expect(changed.keys).toEqual(rotated.keys);
      expect(isDue(changed, then, end - 1)).toBe(false);
      expect(isDue(changed, then, end)).toBe(true);
    }
  });

  it('stays as long when somebody rotates by hand who does not know of it', async () => {
    const ring = withLateHandling(await start(), late.lateHandlingSeconds, at(0));
    const planned = await planRotation(ring, TIMES, undefined, generate, at(due));
    const { keys } = await advance(planned, TIMES, generate, at(due));
    expect(keys.find(({ state }) => state === 'retiring')?.removedAt).toBe(end);
    const { late: kept } = await advance(planned, TIMES, generate, at(due));
    expect(kept).toEqual(ring.late);
  });

  it('leaves room: the next key waits where the set would become too large for verifiers', async () => {
    const times = { ...TIMES, lateHandlingSeconds: 86_400, rotationSeconds: LEAD };
    expect(fitsIntoKeySet(times)).toBe(false);
    let ring = await start();
    let now = 0;
    for (; publishedKeys(ring).length < 120; now += LEAD) ring = await advance(ring, times, generate, at(now));
    const [first] = ring.keys.filter(({ state }) => state === 'retiring');
    const roomAt = first?.removedAt ?? 0;
    expect(await advance(ring, times, generate, at(roomAt - 1))).toBe(ring);
    const planned = await planRotation(ring, times, undefined, generate, at(now));
    expect(planned.rotation?.dueAt).toBe(roomAt);
    const rotated = await advance(planned, times, generate, at(roomAt));
    expect(activeKey(rotated).kid).toBe(standbyKey(ring).kid);
    expect(publishedKeys(rotated)).toHaveLength(120);
    // What has leaked waits for nothing.
    const emergency = await compromise(ring, times, activeKey(ring).kid, generate, at(now));
    expect(activeKey(emergency).kid).toBe(standbyKey(ring).kid);
    expect(publishedKeys(emergency)).toHaveLength(120);
  });

  it.each([
    // 98 keys in 87,420 s, and the two that there are always.
    [893, true],
    [891, false],
  ])('fits into the set with a rotation every %i s: %s', (rotationSeconds, fits) => {
    const times = { ...TIMES, longestTokenSeconds: 1_020, lateHandlingSeconds: 86_400, rotationSeconds };
    expect(fitsIntoKeySet(times)).toBe(fits);
  });

  it('comes no sooner than its lead: that is what bounds a rotation that is shorter', () => {
    const times = { ...TIMES, lateHandlingSeconds: 86_400, rotationSeconds: 60 };
    expect(fitsIntoKeySet(times)).toBe(false);
    expect(fitsIntoKeySet({ ...times, jwksMaxAgeSeconds: 500 })).toBe(true);
  });
});

describe('how late tokens may be judged', () => {
  const first = (seconds: number) => newRing('ring', 'ES256', generate, at(0), seconds);
  const changedTo = (ring: Ring, seconds: number, now: number) => withLateHandling(ring, seconds, at(now));

  it('is as configured from the beginning: there are no tokens from before', async () => {
    const ring = await first(600);
    expect(lateHandlingSeconds(ring, 0)).toBe(600);
    expect(changedTo(ring, 600, 1)).toBe(ring);
    expect(lateHandlingSeconds(await start(), 0)).toBe(0);
  });

  it('becomes longer when nobody can have forgotten any more what was revoked, to the second', async () => {
    const ring = changedTo(await first(600), 3_600, 10_000);
    expect(whatHappened(ring).at(-1)).toBe('late handling changed');
    expect(lateHandlingSeconds(ring, 10_000)).toBe(600);
    // Everybody has heard of it after 10 s.
    expect(lateHandlingSeconds(ring, 13_609)).toBe(600);
    expect(lateHandlingSeconds(ring, 13_610)).toBe(3_600);
    expect(changedTo(ring, 3_600, 13_610)).toBe(ring);
  });

  it('becomes shorter at once, and is not longer again for what was kept before that', async () => {
    const shorter = changedTo(await first(3_600), 600, 10_000);
    expect(lateHandlingSeconds(shorter, 10_000)).toBe(600);
    const longer = changedTo(shorter, 3_600, 10_001);
    expect(lateHandlingSeconds(longer, 10_001)).toBe(600);
    expect(lateHandlingSeconds(longer, 13_610)).toBe(600);
    expect(lateHandlingSeconds(longer, 13_611)).toBe(3_600);
  });

  it('leaves room for what was done, however often it changes', async () => {
    let ring = await first(0);
    const done = whatHappened(ring);
    for (let i = 0; i < 300; i++) ring = changedTo(ring, i % 2 ? 0 : 3_600, i);
    expect(whatHappened(ring)).toEqual([...done, ...Array<string>(20).fill('late handling changed')]);
  });

  it('is never longer for auths that do not agree on it', async () => {
    let ring = await first(0);
    for (let now = 0; now < 20_000; now += 3_000) ring = changedTo(ring, (now / 3_000) % 2 ? 0 : 3_600, now);
    expect(lateHandlingSeconds(ring, 20_000)).toBe(0);
  });

  it('is as before while a longer time is on its way, and a shorter one comes', async () => {
    const longer = changedTo(await first(600), 3_600, 10_000);
    const between = changedTo(longer, 1_200, 10_600);
    expect(lateHandlingSeconds(between, 11_209)).toBe(600);
    expect(lateHandlingSeconds(between, 11_210)).toBe(1_200);
  });

  it('is nothing in a ring from before there was such a thing', async () => {
    const { late, ...old } = await start();
    expect(late?.seconds).toBe(0);
    expect(changedTo(old, 0, 1)).toBe(old);
    expect(lateHandlingSeconds(old, 10_000)).toBe(0);
    const ring = changedTo(old, 600, 10_000);
    expect(lateHandlingSeconds(ring, 10_609)).toBe(0);
    expect(lateHandlingSeconds(ring, 10_610)).toBe(600);
  });
});

it('a version is never used twice', async () => {
  let ring = await start();
  const versions = [ring.version];
  const seen = async (next: Ring | Promise<Ring>) => versions.push((ring = await next).version);
  await seen(planRotation(ring, TIMES, 'PS256', generate, at(1)));
  await seen(advance(ring, TIMES, generate, at(1 + LEAD)));
  await seen(compromise(ring, TIMES, activeKey(ring).kid, generate, at(200)));
  await seen(resealed(ring, at(201)));
  await seen(compromiseAll(ring, generate, at(202)));
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
});

/** What may happen to a ring, after so many seconds. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ what: 'wait' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('rotate' as const),
      algorithm: fc.constantFrom(undefined, ...KEY_ALGORITHMS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('compromise' as const), nth: fc.nat({ max: 5 }) }) },
);

it.each([0, 600])(
  'whatever happens: every token that is judged, up to %i s late, verifies with every set that may be cached unless its key is compromised',
  async (lateHandlingSeconds) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ after: fc.integer({ min: 1, max: 400 }), action }), { minLength: 5, maxLength: 40 }),
        async (steps) => {
          const times = { ...TIMES, lateHandlingSeconds, rotationSeconds: 900 };
          const tokenSeconds = 300 + lateHandlingSeconds;
          let now = 0;
          let ring = await newRing('ring', 'ES256', generate, at(0));
          const tokens: { kid: string; exp: number }[] = [];
          const sets: { from: number; kids: Set<string> }[] = [];
          const emergencies: number[] = [];
          for (const step of steps) {
            // A second at a time, as the schedule looks twice in one.
            for (const end = now + step.after; now < end; now++) {
              ring = await advance(ring, times, generate, at(now));
              const kids = new Set(publishedKeys(ring).map(({ kid }) => kid));
              sets.push({ from: now, kids });
              tokens.push({ kid: activeKey(ring).kid, exp: now + tokenSeconds });
              while ((tokens[0]?.exp ?? Infinity) < now) tokens.shift();
              while ((sets[1]?.from ?? Infinity) <= now - times.jwksMaxAgeSeconds) sets.shift();
              const compromised = new Set(
                ring.keys.filter(({ state }) => state === 'compromised').map(({ kid }) => kid),
              );
              // After an emergency verifiers are told to fetch at once.
              const lastEmergency = emergencies.at(-1) ?? -Infinity;
              const cached = sets.filter(({ from }) => from >= lastEmergency);
              const unverifiable = tokens.filter(
                ({ kid }) => !compromised.has(kid) && cached.some((set) => !set.kids.has(kid)),
              );
              if (unverifiable.length > 0) throw new Error(`${now}: ${JSON.stringify(unverifiable[0])}`);
            }
            if (step.action.what === 'rotate' && !ring.rotation) {
              ring = await planRotation(ring, times, step.action.algorithm, generate, at(now));
            }
            if (step.action.what === 'compromise') {
              const published = publishedKeys(ring);
              const { kid } = published[step.action.nth % published.length] ?? activeKey(ring);
              ring = await compromise(ring, times, kid, generate, at(now));
              emergencies.push(now);
            }
          }
        },
      ),
      { numRuns: lateHandlingSeconds === 0 ? 15 : 6 },
    );
  },
  60_000,
);
