import { describeWith, REDIS } from '@token-relay/testing/servers';
import { MixedLoad } from './mixed-load';
import { ReplicatedSystem } from './replicated-system';

/** What shows that the load of `rolling-restart.spec.ts` would see what is lost. */
describeWith(REDIS)('a restart of everything that neither drains nor waits, under load', () => {
  it('loses requests', async () => {
    const system = await ReplicatedSystem.start({ drainSeconds: 0, removalDelayMs: 1_000, ignoresReadiness: true });
    try {
      const load = await MixedLoad.start(system);
      await system.restart({ waits: false });
      await load.stop();
      expect(load.failures.length).toBeGreaterThan(0);
    } finally {
      await system.stop();
    }
  }, 240_000);
});
