import { RevocationFeed, type RevocationEntry, type Principal } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthApp, ISSUER } from './auth-app';

interface FeedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

const later = (): number => Math.floor(Date.now() / 1000) + 600;

describe('GET /revocations/feed', () => {
  let auth: AuthApp;
  const open: AbortController[] = [];

  beforeAll(async () => {
    auth = await AuthApp.start();
  });
  afterEach(() => {
    for (const connection of open.splice(0)) connection.abort();
  });
  afterAll(() => auth.stop());

  const get = (headers: Record<string, string> = {}): Promise<Response> => {
    const connection = new AbortController();
    open.push(connection);
    const authorization = auth.basic('gateway');
    return fetch(`${auth.url}/revocations/feed`, { headers: { authorization, ...headers }, signal: connection.signal });
  };
  /** The events as they come. */
  async function* events(answer: Response): AsyncGenerator<FeedEvent> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
        const data = JSON.parse(fields.get('data') ?? 'null') as Record<string, unknown>;
        yield { event: fields.get('event') ?? '', id: fields.get('id'), data };
      }
    }
  }
  async function take(answer: Response, until: (event: FeedEvent) => boolean): Promise<FeedEvent[]> {
    const taken: FeedEvent[] = [];
    for await (const event of events(answer)) {
      taken.push(event);
      if (until(event)) return taken;
    }
    return taken;
  }
  const is = (name: string) => (event: FeedEvent) => event.event === name;
  const entriesOf = (taken: readonly FeedEvent[]): RevocationEntry[] =>
    taken.filter(is('snapshot')).flatMap(({ data }) => data.entries as RevocationEntry[]);

  it('is for clients that say who they are, and may read it', async () => {
    const stranger = await get({ authorization: auth.basic('gateway', 'x'.repeat(40)) });
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toMatch(/^Basic /);
    const audit = await get({ authorization: auth.basic('audit') });
    expect(audit.status).toBe(403);
    expect(await audit.json()).toMatchObject({ code: 'client_scope_missing' });
  });

  it('has no body for whoever asks for none', async () => {
    const authorization = auth.basic('gateway');
    const answer = await fetch(`${auth.url}/revocations/feed`, { method: 'HEAD', headers: { authorization } });
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 200, body: '' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
  });

  it('begins with everything that is revoked, and says up to where that is', async () => {
    const entry: RevocationEntry = { kind: 'jti', value: randomUUID(), until: later() };
    await auth.state.log.publish(entry);
    await followed();
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const taken = await take(answer, is('heartbeat'));
    expect(taken[0]).toMatchObject({ event: 'hello', data: { issuer: ISSUER, version: 1 } });
    expect(entriesOf(taken)).toContainEqual(entry);
    const { streamId, last } = auth.state.log.events;
    expect(taken.at(-2)).toMatchObject({ event: 'snapshot-end', id: `${streamId}.${last}` });
    for (const { data } of taken.slice(-2)) expect(data.ageMs).toBeLessThan(2_000);
  });

  it('goes on with what comes, numbered one by one, and with a heartbeat each second', async () => {
    const answer = await get();
    const jtis = [randomUUID(), randomUUID(), randomUUID()];
    const reading = take(answer, ({ data }) => data.value === jtis[2]);
    for (const jti of jtis) await auth.state.log.publish({ kind: 'jti', value: jti, until: later() });
    const taken = await reading;
    const revoked = taken.filter(is('revoked'));
    expect(revoked.map(({ data }) => data.value)).toEqual(jtis);
    const [first = 0, second, third] = revoked.map(({ id }) => Number(id?.split('.')[1]));
    expect([second, third]).toEqual([first + 1, first + 2]);
    const next = await get();
    const beats = (await take(next, countTo(3, is('heartbeat')))).filter(is('heartbeat'));
    expect(beats).toHaveLength(3);
  });

  it('says that the keys have changed as the next event, and in no snapshot', async () => {
    const answer = await get();
    const jti = randomUUID();
    const reading = take(answer, ({ data }) => data.value === jti);
    await auth.state.log.publish({ kind: 'keys', version: 7 });
    await auth.state.log.publish({ kind: 'jti', value: jti, until: later() });
    const events = (await reading).filter(({ event }) => event === 'keys-changed' || event === 'revoked').slice(-2);
    const { streamId, last } = auth.state.log.events;
    expect(events).toMatchObject([
      { event: 'keys-changed', id: `${streamId}.${last - 1}`, data: { version: 7 } },
      { event: 'revoked', id: `${streamId}.${last}` },
    ]);
    expect(entriesOf(await take(await get(), is('heartbeat'))).map(({ kind }) => kind)).not.toContain('keys');
  });

  it('goes on where a subscriber was', async () => {
    const { streamId, last } = auth.state.log.events;
    const jti = randomUUID();
    await auth.state.log.publish({ kind: 'jti', value: jti, until: later() });
    await followed();
    const taken = await take(await get({ 'last-event-id': `${streamId}.${last}` }), is('heartbeat'));
    expect(taken.map(({ event }) => event)).toEqual(['hello', 'revoked', 'heartbeat']);
    expect(taken[1]).toMatchObject({ id: `${streamId}.${last + 1}`, data: { value: jti } });
  });

  it.each([
    ['of another stream', () => `${randomUUID()}.1`],
    ['from the future', () => `${auth.state.log.events.streamId}.999999`],
    ['that is none', () => 'nonsense'],
    ['that is empty', () => ''],
  ])('begins anew for a position %s', async (_what, id) => {
    const taken = await take(await get({ 'last-event-id': id() }), is('snapshot-end'));
    expect(entriesOf(taken)).toContainEqual(expect.objectContaining({ kind: 'all' }));
  });

  it('ends when the stream is another one, and says so', async () => {
    const reading = take(await get(), is('nothing'));
    await auth.state.store.renew(auth.state.log.events.streamId);
    expect((await reading).at(-1)).toMatchObject({ event: 'renewed' });
  });

  it('sends a large snapshot in parts, and goes on', async () => {
    const { streamId } = (await auth.state.store.head()) ?? {};
    const many = Array.from({ length: 2_000 }, (): RevocationEntry => ({
      kind: 'sid',
      value: randomUUID(),
      until: later(),
    }));
    for (const entry of many) await auth.state.store.append(streamId ?? '', entry);
    await followed();
    const taken = await take(await get(), is('heartbeat'));
    const parts = taken.filter(is('snapshot')).map(({ data }) => (data.entries as unknown[]).length);
    expect(Math.max(...parts)).toBe(500);
    expect(parts.length).toBeGreaterThan(4);
    const sent = new Set(entriesOf(taken).map((entry) => 'value' in entry && entry.value));
    expect(many.filter((entry) => !('value' in entry && sent.has(entry.value)))).toEqual([]);
  });

  it('is what RevocationFeed follows', async () => {
    const [id, secret] = Buffer.from(auth.basic('resource').slice('Basic '.length), 'base64').toString().split(':');
    const url = `${auth.url}/revocations/feed`;
    const client = { id: id ?? '', secret: secret ?? '' };
    const feed = new RevocationFeed({ issuer: ISSUER, url, client, dangerouslyAllowHttp: true });
    try {
      await feed.start();
      const token = {
        issuer: ISSUER,
        tokenId: randomUUID(),
        keyId: 'k',
        claims: { iat: Date.now() },
      } as unknown as Principal;
      expect(feed.isRevoked(token)).toBe(false);
      const told = new Promise<void>((resolve) => feed.subscribe(resolve));
      await auth.state.log.publish({ kind: 'jti', value: token.tokenId ?? '', until: later() });
      await told;
      expect(feed.isRevoked(token)).toBe(true);
      expect(feed.ageSeconds).toBeLessThan(2);
    } finally {
      feed.close();
    }
  });

  it('ends first when auth does: nobody waits for it', async () => {
    const another = await AuthApp.start();
    const authorization = another.basic('gateway');
    const answer = await fetch(`${another.url}/revocations/feed`, { headers: { authorization } });
    const reading = take(answer, is('nothing'));
    const began = performance.now();
    await another.stop();
    expect(performance.now() - began).toBeLessThan(3_000);
    expect((await reading).map(({ event }) => event)).toContain('snapshot-end');
  });

  /** Until the log has read what was written to the store. */
  async function followed(): Promise<void> {
    const last = (await auth.state.store.head())?.last;
    while (auth.state.log.events.last !== last) await sleep(5);
  }
});

function countTo<Item>(count: number, counts: (item: Item) => boolean): (item: Item) => boolean {
  let found = 0;
  return (item) => counts(item) && ++found === count;
}
