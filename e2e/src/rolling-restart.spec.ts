import { describeWith, REDIS } from '@token-relay/testing/servers';
import { MixedLoad } from './mixed-load';
import { ReplicatedSystem } from './replicated-system';

/** As long as the slower of the balancers take that go by probes or endpoints. */
const REMOVAL_DELAY_MS = 1_000;

describeWith(REDIS)('a rolling restart of everything, under load', () => {
  let system: ReplicatedSystem | undefined;
  let load: MixedLoad;
  let exits: (number | NodeJS.Signals)[];

  beforeAll(async () => {
    // As in production, where nobody says it.
    system = await ReplicatedSystem.start({ drainSeconds: 5, removalDelayMs: REMOVAL_DELAY_MS });
    load = await MixedLoad.start(system);
    exits = await system.restart({ waits: true });
    await load.stop();
  }, 240_000);
  afterAll(() => system?.stop(), 30_000);

  it('loses no request, stream or socket, and refresh tokens go on', () => {
    expect(load.failures).toEqual([]);
    const least = { read: 100, whoami: 100, write: 30, refresh: 20, login: 2, logout: 2 };
    for (const [name, count] of Object.entries(least)) {
      expect({ name, isEnough: (load.counts[name] ?? 0) >= count }).toEqual({ name, isEnough: true });
    }
    // One for each of the gateway's processes, at least: they were ended, and began again elsewhere.
    for (const name of ['events', 'messages']) expect(load.counts[name]).toBeGreaterThanOrEqual(2);
  });

  it('records every document once, and no other', () => {
    const records = (system?.started ?? []).flatMap(({ lines }) =>
      lines.flatMap((line) => /"audit":\{.*?"action":"documents\.create","target":"([^"]+)"/.exec(line)?.[1] ?? []),
    );
    expect(records.sort()).toEqual([...load.documents].sort());
  });

  it('replaces every process, each of which exits with 0', () => {
    expect(exits).toEqual(Array(8).fill(0));
    expect(system?.started).toHaveLength(16);
  });

  it('leaves every process ready, with what was revoked until now', async () => {
    for (const said of (await system?.readiness()) ?? []) {
      expect(said).toMatchObject({ status: 'ready' });
      expect(said.revocationAgeSeconds).toBeLessThan(3);
    }
  });
});
