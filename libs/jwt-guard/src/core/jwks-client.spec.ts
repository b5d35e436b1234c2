import { generateTestKey, JwksServer, type TestKey } from '@token-relay/testing';
import { JwksClient, type JwksTimes } from './jwks-client';
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

  function client(times: Partial<JwksTimes> = {}): JwksClient {
    const made = new JwksClient(new URL(server.url), new Set(['ES256']), {
      gapMs: 50,
      backOffMs: 20,
      waitMs: 500,
      timeoutMs: 300,
      ...times,
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

  it('fetches once for a herd of 200 that comes before the first keys', async () => {
    const keys = client({ waitMs: 2_000 });
    await keys.load();
    const cold = client();
    const herd = await Promise.all(Array.from({ length: 100 }, () => outcome(cold.find(first.kid))));
    expect(new Set(herd)).toEqual(new Set([first.kid]));
    expect(server.requests).toBe(2);
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
    const flood = Array.from({ length: 500 }, (_, i) => outcome(keys.find(`made-up-${i}`)));
    expect(keys.find(first.kid)).toMatchObject({ kid: first.kid });
    const outcomes = await Promise.all(flood);
    expect(outcomes.filter((code) => code === 'key_unknown')).toHaveLength(100);
    expect(outcomes.filter((code) => code === 'key_not_yet_known')).toHaveLength(400);
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

  it('drops a key that the issuer withdrew when it refreshes', async () => {
    const keys = client({ refreshMs: 60 });
    await keys.load();
    server.body = { keys: [second.publicJwk] };
    expect(await outcome(keys.find(second.kid))).toBe(second.kid);
    expect(await outcome(keys.find(first.kid))).toBe('key_unknown');
  });

  it('does not use a set that could not be renewed for too long', async () => {
    const keys = client({ maxStaleMs: 100 });
    await keys.load();
    server.status = 500;
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(keys.ready).toBe(false);
    expect(await outcome(keys.find(first.kid))).toBe('keys_unavailable');
  });
});
