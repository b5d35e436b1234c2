import { Test } from '@nestjs/testing';
import { type RevocationSource } from '@token-relay/jwt-guard';
import { MetricsModule } from './metrics.module';

describe('metrics', () => {
  const logged: { metrics?: string }[] = [];
  const logger = { info: (details: object) => void logged.push(details) };

  async function start(source: Partial<RevocationSource>, METRICS_PORT?: number) {
    logged.length = 0;
    const revocations = Object.assign(source, { isRevoked: () => false });
    const config = { METRICS_PORT, HOST: '127.0.0.1' };
    const module = await Test.createTestingModule({
      imports: [MetricsModule.forRoot({ config, revocations, logger })],
    }).compile();
    return module.init();
  }
  const read = async (): Promise<string> => (await fetch(logged[0]?.metrics ?? '')).text();

  it('say how far behind the copy is, how much is in it, and how often it was of use', async () => {
    const stats = { entries: 7, hits: 3 };
    const source = { ageSeconds: 1.5, stats };
    const app = await start(source, 0);
    expect(await read()).toMatch(/^token_relay_revocation_lag_seconds 1\.5$/m);
    expect(await read()).toMatch(/^token_relay_revocation_entries 7$/m);
    expect(await read()).toMatch(/^token_relay_revocation_hits_total 3$/m);
    source.ageSeconds = Infinity;
    stats.hits = 4;
    expect(await read()).toMatch(/^token_relay_revocation_lag_seconds \+Inf$/m);
    expect(await read()).toMatch(/^token_relay_revocation_hits_total 4$/m);
    await app.close();
    await expect(read()).rejects.toThrow('fetch failed');
  });

  it('are 0 of a source that says nothing', async () => {
    const app = await start({}, 0);
    expect(await read()).toMatch(/^token_relay_revocation_lag_seconds 0$/m);
    await app.close();
  });

  it('are all that is there', async () => {
    const app = await start({}, 0);
    const url = logged[0]?.metrics ?? '';
    expect((await fetch(url)).headers.get('content-type')).toContain('text/plain');
    expect((await fetch(url, { method: 'POST' })).status).toBe(404);
    expect((await fetch(new URL('/', url))).status).toBe(404);
    await app.close();
  });

  it('listen nowhere unless they are told to', async () => {
    const app = await start({});
    expect(logged).toEqual([]);
    await app.close();
  });
});
