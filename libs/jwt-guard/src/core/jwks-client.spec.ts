import { generateTestKey, JwksServer, type TestKey } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { JwksClient, type JwksClientOptions, type JwksTimes } from './jwks-client';
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
      times: { gapMs: 50, backOffMs: 20, waitMs: 3_000, timeoutMs: 300, ...times },
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
    const keys = client();
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
});
