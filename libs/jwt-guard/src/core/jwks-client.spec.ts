import { generateTestKey, JwksServer, type TestKey } from '@token-relay/testing';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { JWKS_TIMES, JwksClient, type JwksClientOptions, type JwksTimes } from './jwks-client';
import { type KeptKeySet } from './jwks-cache';
import { isRefusal } from './refusals';
import { type VerificationKey } from './verification-key';

describe('JwksClient', () => {
  let first: TestKey;
  let second: TestKey;
  let server: JwksServer;
  const clients: JwksClient[] = [];

  beforeAll(async () => {
    first = await generateTestKey();
    second = await generateTestKey();
  });
  beforeEach(async () => {
    server = await JwksServer.start({ keys: [first.publicJwk] });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.stop();
  });

  function client(times: Partial<JwksTimes> = {}, options: Partial<JwksClientOptions> = {}): JwksClient {
    const made = new JwksClient({
      uri: new URL(server.url),
      issuer: 'https://issuer.test',
      algorithms: new Set(['ES256']),
      now: () => Date.now() / 1000,
      clockToleranceSeconds: 5,
      ...options,
      times: { gapMs: 50, backOffMs: 20, waitMs: 10_000, timeoutMs: 10_000, ...times },
    });
    clients.push(made);
    return made;
  }

  const outcome = async (found: VerificationKey | Promise<VerificationKey>): Promise<string> => {
    try {
      return (await found).kid;
    } catch (error) {
      if (isRefusal(error)) return error.code;
      throw error;
    }
  };

  describe('with a cache', () => {
    const cacheOf = (kept?: KeptKeySet) => {
      const cache = {
        kept,
        read: () => Promise.resolve(cache.kept),
        write: (next: KeptKeySet) => Promise.resolve(void (cache.kept = next)),
      };
      return cache;
    };
    const now = (): number => 10_000;
    const keySet = () => ({ keys: [first.publicJwk] });

    it('keeps what was fetched, and when', async () => {
      const cache = cacheOf();
      await client({}, { cache, now }).load();
      expect(cache.kept).toEqual({ keySet: keySet(), fetchedAt: 10_000 });
    });

    it('starts with it where the issuer is away, and has new keys when that is back', async () => {
      server.status = 503;
      const keys = client({}, { cache: cacheOf({ keySet: keySet(), fetchedAt: 9_990 }), now });
      await keys.load();
      expect(keys.ready).toBe(true);
      expect(keys.known(first.kid)?.kid).toBe(first.kid);
      expect(keys.report().ageSeconds).toBeGreaterThanOrEqual(10);
      expect(await outcome(keys.find(second.kid))).toBe('keys_unavailable');
      server.status = 200;
      server.body = { keys: [second.publicJwk] };
      expect(await outcome(keys.find(second.kid))).toBe(second.kid);
      expect(keys.known(first.kid)).toBeUndefined();
    });

    it.each([
      ['was fetched an hour ago', () => ({ keySet: keySet(), fetchedAt: 10_000 - 3_600 })],
      ['is from the future', () => ({ keySet: keySet(), fetchedAt: 10_001 })],
      ['does not say when it was fetched', () => ({ keySet: keySet() }) as unknown as KeptKeySet],
      ['holds no key', () => ({ keySet: { keys: [] }, fetchedAt: 9_990 })],
      ['is no set', () => ({ keySet: 'nonsense', fetchedAt: 9_990 })],
      ['is nothing', () => undefined],
    ])('does not start with one that %s', async (_what, kept) => {
      server.status = 503;
      const keys = client({}, { cache: cacheOf(kept()), now });
      await keys.load();
      expect(keys.ready).toBe(false);
    });

    it('starts with one of a second less', async () => {
      server.status = 503;
      const keys = client({}, { cache: cacheOf({ keySet: keySet(), fetchedAt: 10_000 - 3_599 }), now });
      await keys.load();
      expect(keys.ready).toBe(true);
    });

    it('takes what the issuer says before what is kept', async () => {
      const keys = client({}, { cache: cacheOf({ keySet: { keys: [second.publicJwk] }, fetchedAt: 9_990 }), now });
      await keys.load();
      expect(keys.known(second.kid)).toBeUndefined();
    });

    it('goes on without one that fails, and says so', async () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const failing = {
        read: () => Promise.reject(new Error('no disk')),
        write: () => Promise.reject(new Error('full')),
      };
      const keys = client({}, { cache: failing, now });
      await keys.load();
      expect(keys.ready).toBe(true);
      server.status = 503;
      const another = client({}, { cache: failing, now });
      await another.load();
      expect(another.ready).toBe(false);
      const said = warn.mock.calls.map(([message]) => message).filter((message) => String(message).includes('cache'));
      expect(said).toEqual(['The cache of the JWKS failed: full', 'The cache of the JWKS failed: no disk']);
    });
  });

  it.each([
    ['before the first keys are asked for', false],
    ['while the first keys are on their way', true],
  ])('fetches once for a herd of 200 that comes %s', async (_when, loading) => {
    server.delayMs = 100;
    const keys = client({ gapMs: 10_000, waitMs: 9_000 });
    if (loading) {
      void keys.load();
      while (server.requests === 0) await sleep(5);
    }
    const herd = await Promise.all(Array.from({ length: 200 }, () => outcome(keys.find(first.kid))));
    expect(new Set(herd)).toEqual(new Set([first.kid]));
    expect(server.requests).toBe(1);
  });

  it('finds a new key in the set that is on its way', async () => {
    const keys = client();
    await keys.load();
    server.body = { keys: [first.publicJwk, second.publicJwk] };
    server.delayMs = 100;
    const somebodyElse = outcome(keys.find('unknown'));
    while (server.requests < 2) await sleep(5);
    expect(await outcome(keys.find(second.kid))).toBe(second.kid);
    expect(await somebodyElse).toBe('key_unknown');
    expect(server.requests).toBe(2);
  });

  it('refuses a kid that the set on its way lacks only after one that was asked for since', async () => {
    server.delayMs = 100;
    const keys = client();
    void keys.load();
    while (server.requests === 0) await sleep(5);
    // The set on its way is the one from before.
    server.body = { keys: [second.publicJwk] };
    expect(await outcome(keys.find(second.kid))).toBe(second.kid);
    expect(server.requests).toBe(2);
  });

  it('has no verdict once it is closed', async () => {
    const keys = client();
    keys.close();
    expect(await outcome(keys.find(first.kid))).toBe('keys_unavailable');
    const waiting = client({ gapMs: 10_000, waitMs: 20_000 });
    await waiting.load();
    const found = outcome(waiting.find('unknown'));
    waiting.close();
    expect(await found).toBe('keys_unavailable');
  });

  it('lets waiters go: 5,000 at a time, again and again', async () => {
    const keys = client();
    await keys.load();
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(Array.from({ length: 5_000 }, (_, i) => outcome(keys.find(`made-up-${i}`))));
      expect(new Set(outcomes)).toEqual(new Set(['key_unknown']));
    }
  });

  it('backs off from an issuer that fails: a flood does not make it ask more often', async () => {
    server.status = 500;
    const keys = client({ backOffMs: 10_000, waitMs: 100 });
    await keys.load();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => outcome(keys.find(`${i}`))));
    expect(new Set(outcomes)).toEqual(new Set(['keys_unavailable']));
    expect(server.requests).toBe(1);
  });

  it('answers a known kid at once, without a promise', async () => {
    const keys = client();
    await keys.load();
    expect(keys.find(first.kid)).toMatchObject({ kid: first.kid, algorithm: 'ES256' });
    expect(keys.ready).toBe(true);
  });

  it('lets the token of a key wait that the issuer has just begun to use', async () => {
    const keys = client();
    await keys.load();
    server.body = { keys: [first.publicJwk, second.publicJwk] };
    expect(await outcome(keys.find(second.kid))).toBe(second.kid);
    expect(server.requests).toBe(2);
  });

  it('refuses a kid only after a set fetched since lacks it', async () => {
    const keys = client();
    await keys.load();
    expect(await outcome(keys.find('unknown'))).toBe('key_unknown');
    expect(server.requests).toBe(2);
  });

  it('makes one fetch per gap of a flood of unknown kids, and never blocks a known key', async () => {
    const keys = client({ gapMs: 200 });
    await keys.load();
    const flood = Array.from({ length: 5_300 }, (_, i) => outcome(keys.find(`made-up-${i}`)));
    expect(keys.find(first.kid)).toMatchObject({ kid: first.kid });
    const outcomes = await Promise.all(flood);
    expect(outcomes.filter((code) => code === 'key_unknown')).toHaveLength(5_000);
    expect(outcomes.filter((code) => code === 'key_not_yet_known')).toHaveLength(300);
    expect(server.requests).toBe(2);
  });

  it.each<[string, (broken: JwksServer) => void]>([
    ['a 500', (broken) => (broken.status = 500)],
    ['an answer that is no JSON', (broken) => (broken.body = '<html>')],
    ['an empty set', (broken) => (broken.body = { keys: [] })],
    ['a set of unusable keys', (broken) => (broken.body = { keys: [{ kty: 'oct', kid: 'x', k: 'AAAA' }] })],
    ['more than 64 KiB', (broken) => (broken.body = ' '.repeat(64 * 1024 + 1))],
    ['no answer', (broken) => (broken.hangs = true)],
    [
      'a redirect',
      (broken) => {
        broken.status = 302;
        broken.headers = { location: broken.url };
      },
    ],
  ])('keeps its keys through %s, and calls an unknown kid undecided', async (_name, breakIt) => {
    const keys = client({ timeoutMs: 1_000 });
    await keys.load();
    breakIt(server);
    expect(await outcome(keys.find('unknown'))).toBe('keys_unavailable');
    expect(await outcome(keys.find(first.kid))).toBe(first.kid);
  });

  it('is not ready before it has keys, and gets them when the issuer comes up', async () => {
    server.status = 503;
    const keys = client();
    await keys.load();
    expect(keys.ready).toBe(false);
    expect(await outcome(keys.find(first.kid))).toBe('keys_unavailable');
    server.status = 200;
    expect(await outcome(keys.find(first.kid))).toBe(first.kid);
    expect(keys.ready).toBe(true);
  });

  it('renews its set by itself, and so drops a key that the issuer withdrew', async () => {
    const keys = client({ refreshMs: 60 });
    await keys.load();
    server.body = { keys: [second.publicJwk] };
    while (server.requests < 3) await sleep(5);
    // The known key is answered without asking anybody; the withdrawn one is gone.
    const asked = server.requests;
    expect(keys.find(second.kid)).toMatchObject({ kid: second.kid });
    expect(server.requests).toBe(asked);
    expect(await outcome(keys.find(first.kid))).toBe('key_unknown');
  });

  it('does not use a set that could not be renewed for too long', async () => {
    const keys = client({ maxStaleMs: 100 });
    await keys.load();
    server.status = 500;
    await sleep(120);
    expect(keys.ready).toBe(false);
    expect(await outcome(keys.find(first.kid))).toBe('keys_unavailable');
  });

  it('gives up a fetch that hangs, whatever the garbage collector does meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    server.hangs = true;
    const keys = client({ timeoutMs: 400 });
    const loaded = keys.load();
    for (let i = 0; i < 10; i++) {
      collectGarbage();
      await sleep(10);
    }
    await loaded;
    expect(keys.report().lastFailure).toContain('more than 400 ms');
    server.hangs = false;
    expect(await outcome(keys.find(first.kid))).toBe(first.kid);
  });

  it('gives up an answer that never ends', async () => {
    const dripping = createServer((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve));
    const { port } = dripping.address() as AddressInfo;
    const keys = client({ timeoutMs: 200 }, { uri: new URL(`http://127.0.0.1:${port}`) });
    await keys.load();
    expect(keys.report().lastFailure).toContain('more than 200 ms');
    keys.close();
    dripping.closeAllConnections();
    await new Promise((resolve) => dripping.close(resolve));
  });

  describe('with an ETag', () => {
    beforeEach(() => {
      server.headers = { etag: '"v1"' };
    });
    const refetched = async (keys: JwksClient) => {
      const before = server.requests;
      await outcome(keys.find('unknown'));
      expect(server.requests).toBe(before + 1);
    };

    it('asks for what has changed, and keeps what has not', async () => {
      const keys = client();
      await keys.load();
      expect(server.lastHeaders['if-none-match']).toBeUndefined();
      server.status = 304;
      server.body = '';
      await refetched(keys);
      expect(server.lastHeaders['if-none-match']).toBe('"v1"');
      expect(await outcome(keys.find(first.kid))).toBe(first.kid);
      // An unknown kid is refused after it: the issuer has said what its keys are.
      expect(await outcome(keys.find('unknown'))).toBe('key_unknown');
    });

    it('is fresh again after a 304', async () => {
      const keys = client({ maxStaleMs: 1_500, refreshMs: 100 });
      await keys.load();
      server.status = 304;
      server.body = '';
      const until = performance.now() + 2_000;
      while (performance.now() < until) {
        expect(keys.known(first.kid)?.kid).toBe(first.kid);
        await sleep(10);
      }
    });

    it('takes the new set, and its tag', async () => {
      const keys = client();
      await keys.load();
      server.body = { keys: [second.publicJwk] };
      server.headers = { etag: '"v2"' };
      expect(await outcome(keys.find(second.kid))).toBe(second.kid);
      await refetched(keys);
      expect(server.lastHeaders['if-none-match']).toBe('"v2"');
    });

    it('does not send the tag of an answer that it could not use', async () => {
      const keys = client();
      await keys.load();
      server.body = { keys: [] };
      server.headers = { etag: '"broken"' };
      await refetched(keys);
      await refetched(keys);
      expect(server.lastHeaders['if-none-match']).toBe('"v1"');
    });

    it('drops the tag with an answer that has none', async () => {
      const keys = client();
      await keys.load();
      server.headers = {};
      await refetched(keys);
      expect(server.lastHeaders['if-none-match']).toBe('"v1"');
      await refetched(keys);
      expect(server.lastHeaders['if-none-match']).toBeUndefined();
      server.status = 304;
      server.body = '';
      expect(await outcome(keys.find('unknown'))).toBe('keys_unavailable');
    });

    it('takes a 304 that it did not ask for as a failure', async () => {
      server.status = 304;
      server.body = '';
      const keys = client();
      await keys.load();
      expect(keys.ready).toBe(false);
      expect(keys.report().lastFailure).toContain('304');
    });
  });

  it('keeps the object of a key that is the same, and no other', async () => {
    const keys = client();
    await keys.load();
    const before = keys.known(first.kid);
    server.body = { keys: [second.publicJwk, { ...first.publicJwk, use: undefined }] };
    await outcome(keys.find(second.kid));
    expect(keys.known(first.kid)).toBe(before);
    server.body = { keys: [{ ...second.publicJwk, kid: first.kid }] };
    await outcome(keys.find('unknown'));
    expect(keys.known(first.kid)).toBeDefined();
    expect(keys.known(first.kid)).not.toBe(before);
  });

  describe('that is told that keys have changed', () => {
    it('fetches them at once', async () => {
      const keys = client({ gapMs: 0 });
      await keys.load();
      server.body = { keys: [second.publicJwk] };
      keys.refresh();
      while (keys.known(second.kid) === undefined) await sleep(5);
      expect(keys.known(first.kid)).toBeUndefined();
      expect(server.requests).toBe(2);
    });

    it('keeps the gap, and shares one fetch, however often it is told', async () => {
      const keys = client({ gapMs: 300 });
      const begun = performance.now();
      await keys.load();
      server.body = { keys: [second.publicJwk] };
      for (let i = 0; i < 1_000; i++) keys.refresh();
      const waiting = outcome(keys.find(second.kid));
      expect(server.requests).toBe(1);
      expect(await waiting).toBe(second.kid);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(290);
      expect(server.requests).toBe(2);
    });

    it('asks once more when a set is on its way: that may be the one from before', async () => {
      const keys = client({ gapMs: 0 });
      server.delayMs = 50;
      void keys.load();
      while (server.requests === 0) await sleep(5);
      server.body = { keys: [second.publicJwk] };
      keys.refresh();
      while (keys.known(second.kid) === undefined) await sleep(5);
      expect(server.requests).toBe(2);
    });

    it('goes on with the old ones while the new ones can not be had', async () => {
      const keys = client({ gapMs: 0 });
      await keys.load();
      server.status = 500;
      keys.refresh();
      while (server.requests < 2) await sleep(5);
      await sleep(20);
      expect(keys.known(first.kid)).toBeDefined();
      server.status = 200;
      server.body = { keys: [second.publicJwk] };
      while (keys.known(second.kid) === undefined) await sleep(5);
    });

    it('fetches nothing once it is closed', async () => {
      const keys = client({ gapMs: 0 });
      await keys.load();
      keys.close();
      keys.refresh();
      await sleep(30);
      expect(server.requests).toBe(1);
    });
  });

  it('follows no redirect, not even to good keys', async () => {
    const other = await JwksServer.start({ keys: [first.publicJwk, second.publicJwk] });
    const keys = client();
    await keys.load();
    server.status = 302;
    server.headers = { location: other.url };
    expect(await outcome(keys.find(second.kid))).toBe('keys_unavailable');
    expect(other.requests).toBe(0);
    await other.stop();
  });

  it.each([
    [65_536, true],
    [65_537, false],
  ])('takes a good set of %i bytes: %p', async (bytes, taken) => {
    server.body = JSON.stringify({ keys: [first.publicJwk] }).padEnd(bytes);
    const keys = client();
    await keys.load();
    expect(keys.ready).toBe(taken);
  });

  it('can not tell when the answer comes too late', async () => {
    const keys = client({ waitMs: 300 });
    await keys.load();
    await sleep(60);
    server.delayMs = 2_000;
    expect(await outcome(keys.find('unknown'))).toBe('key_not_yet_known');
  });

  it('has no keys, rather than one too few, while the first answer is late', async () => {
    server.hangs = true;
    expect(await outcome(client({ waitMs: 100 }).find(first.kid))).toBe('keys_unavailable');
  });

  it('keeps the gap when it is asked one after the other', async () => {
    const keys = client({ gapMs: 300 });
    await keys.load();
    const from = performance.now();
    for (let i = 0; i < 3; i++) await outcome(keys.find(`made-up-${i}`));
    expect(server.requests).toBe(4);
    expect(performance.now() - from).toBeGreaterThan(3 * 300 - 150);
  });

  it('fetches once, however often it is told to load', async () => {
    server.delayMs = 200;
    const keys = client({ gapMs: 100_000 });
    const loading = keys.load();
    while (server.requests === 0) await sleep(5);
    await keys.load();
    await loading;
    await keys.load();
    expect(keys.ready).toBe(true);
    expect(server.requests).toBe(1);
  });

  it('ends a fetch that is under way when it is closed', async () => {
    server.hangs = true;
    const keys = client({ timeoutMs: 60_000 });
    const loaded = keys.load();
    while (server.requests === 0) await sleep(5);
    keys.close();
    await loaded;
    expect(keys.ready).toBe(false);
  });

  it('backs off twice as long after each failure, up to a limit', async () => {
    server.status = 500;
    const failedAt: number[] = [];
    const keys = client(
      { backOffMs: 60, maxBackOffMs: 240 },
      { observer: { jwksFetched: () => void failedAt.push(performance.now()) } },
    );
    await keys.load();
    while (failedAt.length < 5) await sleep(5);
    const pauses = failedAt.slice(1).map((at, i) => at - (failedAt[i] ?? 0));
    for (const [i, least] of [60, 120, 240, 240].entries()) expect(pauses[i]).toBeGreaterThan(least - 5);
  });

  it('goes by these times, in milliseconds', () => {
    expect(JWKS_TIMES).toEqual({
      refreshMs: 50_000,
      gapMs: 2_000,
      backOffMs: 250,
      maxBackOffMs: 2_000,
      timeoutMs: 3_000,
      waitMs: 2_500,
      maxStaleMs: 3_600_000,
    });
  });

  it('asks past caches', async () => {
    await client().load();
    expect(server.lastHeaders['cache-control']).toBe('no-cache');
  });

  it('says when a key has left, and not when one has come', async () => {
    const onRemoval = jest.fn();
    const keys = client({}, { onRemoval });
    await keys.load();
    server.body = { keys: [first.publicJwk, second.publicJwk] };
    await outcome(keys.find(second.kid));
    expect(onRemoval).not.toHaveBeenCalled();
    server.body = { keys: [second.publicJwk] };
    await outcome(keys.find('unknown'));
    expect(onRemoval).toHaveBeenCalledTimes(1);
  });

  it('tells its observer of every fetch', async () => {
    const jwksFetched = jest.fn();
    const keys = client({}, { observer: { jwksFetched } });
    await keys.load();
    await outcome(keys.find('unknown'));
    server.status = 500;
    await outcome(keys.find('unknown'));
    const issuer = 'https://issuer.test';
    const durationSeconds = expect.any(Number) as number;
    expect(jwksFetched.mock.calls).toEqual([
      [{ issuer, outcome: 'changed', durationSeconds, keys: 1 }],
      [{ issuer, outcome: 'unchanged', durationSeconds, keys: 1 }],
      [{ issuer, outcome: 'failed', durationSeconds, keys: 1, reason: 'the JWKS was answered with status 500' }],
    ]);
  });

  it('reports which keys can be used, which can not, and why', async () => {
    server.body = {
      keys: [first.publicJwk, { ...second.publicJwk, use: 'enc' }, { kty: 'oct', k: 'AAAA', kid: 'mac' }],
    };
    const keys = client();
    await keys.load();
    expect(keys.report()).toMatchObject({
      source: server.url,
      usable: [{ kid: first.kid, algorithm: 'ES256' }],
      unusable: [
        { kid: second.kid, reason: 'its use is not sig' },
        { kid: 'mac', reason: 'it is published with the private or symmetric member k' },
      ],
      ageSeconds: expect.any(Number) as number,
    });
  });

  it('tells of clocks that are apart at the third reading, once', async () => {
    const clockSkewed = jest.fn();
    const keys = client({}, { observer: { clockSkewed }, now: () => Date.now() / 1000 + 60 });
    await keys.load();
    for (let reading = 2; reading <= 4; reading++) {
      expect(clockSkewed).toHaveBeenCalledTimes(reading > 3 ? 1 : 0);
      await outcome(keys.find('unknown'));
    }
    expect(clockSkewed).toHaveBeenCalledTimes(1);
    const [[event]] = clockSkewed.mock.calls as [[{ issuer: string; skewSeconds: number }]];
    expect(event.issuer).toBe('https://issuer.test');
    expect(Math.round(event.skewSeconds / 5)).toBe(12);
    expect(keys.report().clockSkewSeconds).toBeCloseTo(event.skewSeconds, -1);
  });

  it('warns the process of clocks that are apart when nobody observes it', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
    const keys = client({}, { now: () => Date.now() / 1000 - 60 });
    await keys.load();
    await outcome(keys.find('unknown'));
    expect(warn).not.toHaveBeenCalled();
    await outcome(keys.find('unknown'));
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(/^The clock of this machine is (59|60|61)\.\d s behind that of https:\/\/issuer\.test/),
    ]);
  });

  it('goes on when its observer throws, and says so', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
    const jwksFetched = () => {
      throw new Error('metrics are down');
    };
    const keys = client({}, { observer: { jwksFetched } });
    await keys.load();
    expect(keys.ready).toBe(true);
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      "The observer's jwksFetched failed: metrics are down",
    ]);
  });

  it('gives a new key to its tokens with the next fetch while 1,000 unknown ids a second arrive', async () => {
    const keys = client({ gapMs: 2_000, waitMs: 5_000 });
    await keys.load();
    const flooding = new AbortController();
    const flood = (async () => {
      const verdicts: Promise<string>[] = [];
      for (let i = 0; !flooding.signal.aborted && i < 10_000; i += 10) {
        for (let j = 0; j < 10; j++) verdicts.push(outcome(keys.find(`made-up-${i + j}`)));
        await sleep(10);
      }
      return Promise.all(verdicts);
    })();
    await sleep(500);
    server.body = { keys: [first.publicJwk, second.publicJwk] };
    const asked = server.requests;
    const found = await Promise.all(Array.from({ length: 20 }, () => outcome(keys.find(second.kid))));
    expect(new Set(found)).toEqual(new Set([second.kid]));
    expect(server.requests).toBe(asked + 1);
    flooding.abort();
    keys.close();
    await flood;
  });
});
