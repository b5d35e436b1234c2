import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import { type RedisClient } from '@token-relay/service-kit';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisRingStore } from '../src/keys/ring-store';
import { RevocationLog } from '../src/revocation/revocation-log';
import { Revocations } from '../src/revocation/revocations';
import { EmbeddedStore } from '../src/store/embedded-store';
import { AuthApp } from './auth-app';

const LATE = 3_600;
/** 900 s that a token lives at most, 120 s for clocks. */
const KEPT = 1_020;

describe('where tokens are judged late', () => {
  let now: number;
  let log: RevocationLog;
  let store: EmbeddedStore;

  beforeEach(async () => {
    now = 1_764_100_000;
    store = new EmbeddedStore(() => now);
    log = new RevocationLog({ issuer: 'https://issuer.test', store, lateHandlingSeconds: () => LATE, now: () => now });
    await log.start();
  });
  afterEach(() => {
    log.close();
    store.close();
  });

  const revocations = () => new Revocations(log, store, () => now);
  const known = () => [...log.entries()].map((entry) => ('value' in entry ? entry.value : entry.kind));

  it.each<[string, () => Promise<unknown>, number]>([
    ['a token that says when it ends', () => revocations().revokeToken('x', now + 60), 60 + 120 + LATE],
    ['a token', () => revocations().revokeToken('x'), KEPT + LATE],
    ['a session', () => revocations().revokeSession('x'), KEPT + LATE],
    ['a user', () => revocations().revokeSubject('x'), KEPT + LATE],
  ])('%s that is revoked stays so for that much longer, to the second', async (_what, revoke, kept) => {
    const at = now;
    await revoke();
    now = at + kept - 1;
    expect(known()).toContain('x');
    now = at + kept;
    expect(known()).not.toContain('x');
  });

  it('everything that is revoked stays so for that much longer, to the second', async () => {
    now += 10_000;
    const { notBefore, until } = (await revocations().revokeAll()) as { notBefore: number; until: number };
    expect(until - notBefore).toBe(KEPT + LATE);
    now = until - 1;
    expect(known()).toEqual(['all']);
    now = until;
    expect(known()).toEqual([]);
  });

  it('what a new store begins with is kept for that much longer', () => {
    expect([...log.entries()]).toEqual([{ kind: 'all', notBefore: now, until: now + KEPT + LATE }]);
  });

  it('that a token was issued is remembered no longer than elsewhere', async () => {
    const auth = await AuthApp.start({ SINGLE_AUTH: '1', LATE_HANDLING_SECONDS: String(LATE) });
    const mint = jest.spyOn(auth.state.store, 'mint');
    await auth.login('alice');
    const { expiresAt, now: issuedAt } = mint.mock.calls[0]?.[0] ?? { expiresAt: 0, now: 0 };
    await auth.stop();
    expect(expiresAt - issuedAt).toBe(1 + 300 + 120);
  });
});

describe.each([
  [undefined, undefined],
  ['0', undefined],
  ['1', 1],
  ['86400', 86_400],
])('an auth with %s s for handling tokens late', (configured, announced) => {
  let auth: AuthApp;
  beforeAll(async () => {
    auth = await AuthApp.start({
      SINGLE_AUTH: '1',
      ...(configured !== undefined && { LATE_HANDLING_SECONDS: configured }),
    });
  });
  afterAll(() => auth.stop());

  it.each(['jwks.json', 'oauth-authorization-server'])('says so in %s, or nothing', async (name) => {
    const document = (await (await fetch(`${auth.url}/.well-known/${name}`)).json()) as Record<string, unknown>;
    expect(document.late_handling_seconds).toBe(announced);
    expect(Object.hasOwn(document, 'late_handling_seconds')).toBe(announced !== undefined);
  });

  it('keeps keys and what is revoked for as long', async () => {
    expect(auth.state.log.keptSeconds).toBe(KEPT + (announced ?? 0));
    const before = auth.state.keys.signer.kid;
    const { keys } = auth.state;
    await keys.rotate('a test');
    const { lateHandlingSeconds, longestTokenSeconds } = keys.times;
    expect(lateHandlingSeconds + longestTokenSeconds).toBe(KEPT + (announced ?? 0));
    expect(keys.jwks.keys.map(({ kid }) => kid)).toContain(before);
  });

  it('takes a key that has leaked out of the set at once', async () => {
    const { kid } = auth.state.keys.signer;
    await auth.state.keys.compromise(kid, 'a test');
    const document = (await (await fetch(`${auth.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
    expect(document.keys.map((key) => key.kid)).not.toContain(kid);
  });

  it('revokes a token that somebody gives up', async () => {
    const { last } = auth.state.log.events;
    const token = await auth.login('alice');
    await auth.asClient('gateway', '/oauth/revoke', { token });
    expect(auth.state.log.events.last).toBe(last + 1);
    expect(await auth.isActive('gateway', token)).toBe(false);
  });
});

describe('a token that is over, and may still be judged late', () => {
  let auth: AuthApp;
  const claims = { aud: 'audit', client_id: 'gateway', scope: 'a', sub_epoch: Number.MAX_SAFE_INTEGER };
  const start = async (late: number) => {
    auth = await AuthApp.start({ SINGLE_AUTH: '1', LATE_HANDLING_SECONDS: String(late) });
    // As long after its first start, with which whatever was issued before is revoked.
    jest.spyOn(auth.state.log, 'isRevoked').mockReturnValue(false);
  };
  afterEach(() => auth.stop());

  /** Issued so long ago, for a minute. */
  const token = (agoSeconds: number) => {
    const iat = Math.floor(Date.now() / 1000) - agoSeconds;
    return auth.signed({ ...claims, iat, exp: iat + 60 }, { typ: 'at+jwt' });
  };
  const revoked = async (agoSeconds: number) => {
    const { last } = auth.state.log.events;
    const answer = await auth.asClient('gateway', '/oauth/revoke', { token: await token(agoSeconds) });
    expect(answer.status).toBe(200);
    return auth.state.log.events.last === last + 1;
  };
  it('is revoked, for as long as it may be', async () => {
    await start(LATE);
    expect(await revoked(LATE - 60)).toBe(true);
    const [entry] = [...auth.state.log.entries()].filter(({ kind }) => kind === 'jti');
    const until = entry && 'until' in entry ? entry.until : 0;
    expect(until).toBeGreaterThanOrEqual(Date.now() / 1000 + 60);
  });

  it('is not when nobody judges it any more', async () => {
    await start(LATE);
    expect(await revoked(LATE + 61)).toBe(false);
  });

  it('is not where nobody judges any late', async () => {
    await start(0);
    expect(await revoked(130)).toBe(false);
  });
});

describe('what says how late tokens may be judged', () => {
  it('says it anew when that is another, though the keys are the same', async () => {
    const auth = await AuthApp.start({ SINGLE_AUTH: '1', LATE_HANDLING_SECONDS: '600' });
    const horizon = jest.spyOn(auth.state.keys, 'lateHandlingSeconds', 'get');
    const read = async (name: string) => {
      const answer = await fetch(`${auth.url}/.well-known/${name}`);
      const { late_handling_seconds: seconds } = (await answer.json()) as { late_handling_seconds?: number };
      return { seconds, etag: answer.headers.get('etag') };
    };
    for (const name of ['jwks.json', 'oauth-authorization-server']) {
      horizon.mockReturnValue(600);
      const before = await read(name);
      horizon.mockReturnValue(900);
      const after = await read(name);
      expect([before.seconds, after.seconds]).toEqual([600, 900]);
      expect(after.etag).not.toBe(before.etag);
    }
    await auth.stop();
  });
});

describeWith(REDIS)('two auths that have not the same time for it', () => {
  let server: TestServer;
  const auths: AuthApp[] = [];

  beforeAll(async () => {
    server = await startOwnRedis();
    const environment = { REDIS_URL: server.url, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    for (const late of ['0', String(LATE)]) {
      auths.push(await AuthApp.start({ ...environment, LATE_HANDLING_SECONDS: late }, auths[0]));
    }
  });
  afterAll(async () => {
    for (const auth of [...auths].reverse()) await auth.stop();
    await server.stop();
  });

  it('keep everything for the longer one, and leave the ring as it is', async () => {
    const [short, long] = auths as [AuthApp, AuthApp];
    const end = performance.now() + 20_000;
    while (short.state.log.keptSeconds !== KEPT + LATE) {
      if (performance.now() > end) throw new Error('the longer one does not come to count');
      await sleep(50);
    }
    expect(long.state.log.keptSeconds).toBe(KEPT + LATE);
    const { version } = long.state.keys.ring;
    for (let i = 0; i < 10; i++) {
      for (const { state } of auths) {
        // As if the lease of who leads had run out.
        await state.redis?.del('tr:{keys}:leader');
        expect(await state.keys.look()).toBe(true);
      }
    }
    expect([short.state.keys.ring.version, long.state.keys.ring.version]).toEqual([version, version]);
    const told = 'another auth has a longer LATE_HANDLING_SECONDS, which counts for all of them';
    expect([short.logged(told).length, long.logged(told).length]).toEqual([1, 0]);
    expect(short.logged(told)).toMatchObject([{ configured: 0, counts: LATE }]);
  }, 40_000);

  it('forget what an auth has said that says nothing any more', async () => {
    const [{ state }] = auths as [AuthApp, AuthApp];
    const store = new RedisRingStore(state.redis as RedisClient);
    const before = await store.mostLateHandling(1, 60_000);
    expect(before).toBe(LATE);
    expect(await store.mostLateHandling(LATE + 1, 300)).toBe(LATE + 1);
    expect(await store.mostLateHandling(1, 60_000)).toBe(LATE + 1);
    const end = performance.now() + 5_000;
    while ((await store.mostLateHandling(1, 60_000)) !== LATE) {
      if (performance.now() > end) throw new Error('it is not forgotten');
      await sleep(20);
    }
  });
});
