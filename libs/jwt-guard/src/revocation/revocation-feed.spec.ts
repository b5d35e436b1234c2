import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import timers, { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { FEED_ISSUER, type FeedConnection, FeedServer } from '../../test/feed-server';
import { principalOf } from '../../test/principals';
import { isRefusal } from '../core/refusals';
import { type RevocationFeedOptions } from './feed-options';
import { type RevocationEntry } from './revocation-entry';
import { FEED_TIMES, type FeedTimes, RevocationFeed } from './revocation-feed';

const UNTIL = 4_000_000_000;
const token = (value: string): RevocationEntry => ({ kind: 'jti', value, until: UNTIL });
const QUICK: Partial<FeedTimes> = { backOffMs: 5, maxBackOffMs: 20 };
const PATIENT: Partial<FeedTimes> = { ...QUICK, connectMs: 10_000, headersMs: 10_000, silenceMs: 10_000 };

let server: FeedServer;
const feeds: RevocationFeed[] = [];
let log: unknown[] = [];

beforeEach(async () => {
  server = await FeedServer.start();
  log = [];
});
afterEach(async () => {
  for (const feed of feeds.splice(0)) feed.close();
  await server.stop();
});

function optionsOf(options: Partial<RevocationFeedOptions> = {}): RevocationFeedOptions {
  return {
    issuer: FEED_ISSUER,
    url: server.url,
    client: { id: 'documents', secret: 'the-secret' },
    dangerouslyAllowHttp: true,
    observer: {
      followed: ({ entries }) => log.push(`followed ${entries}`),
      lost: ({ reason }) => log.push(`lost: ${reason}`),
    },
    ...options,
  };
}

function feedOf(options: Partial<RevocationFeedOptions> = {}, times = PATIENT): RevocationFeed {
  const feed = new RevocationFeed(optionsOf(options), times);
  feeds.push(feed);
  return feed;
}

function verdict(feed: RevocationFeed, jti: string): unknown {
  try {
    return feed.isRevoked(principalOf({ jti }));
  } catch (error) {
    return isRefusal(error) ? error.code : error;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

/** A feed that is followed, and its connection. */
async function followed(
  options: Partial<RevocationFeedOptions> = {},
  times = PATIENT,
): Promise<{ feed: RevocationFeed; first: FeedConnection }> {
  const feed = feedOf(options, times);
  const started = feed.start();
  const first = (await server.next()).complete('stream.1', token('a'));
  await started;
  return { feed, first };
}

describe('the request', () => {
  it('authenticates as the client, form-encoded, and asks for events', async () => {
    const feed = feedOf({ client: { id: 'docs: +1', secret: 'ä%&' } });
    void feed.start();
    const { headers, path } = await server.next();
    expect(path).toBe('/revocations/feed');
    expect(headers.accept).toBe('text/event-stream');
    expect(headers['last-event-id']).toBeUndefined();
    const [scheme, credentials = ''] = headers.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(credentials, 'base64').toString()).toBe('docs%3A+%2B1:%C3%A4%25%26');
  });

  it('authenticates with an assertion, made for each connection, in a form', async () => {
    let made = 0;
    const { first } = await followed({ client: { id: 'documents', assertion: () => Promise.resolve(`a-${++made}`) } });
    first.end();
    const second = await server.next();
    expect([first.method, second.method]).toEqual(['POST', 'POST']);
    expect([first.headers.authorization, second.headers.authorization]).toEqual([undefined, undefined]);
    expect(second.headers['last-event-id']).toBe('stream.1');
    const forms = await Promise.all([first, second].map(({ body }) => body));
    expect(forms.map((form) => Object.fromEntries(new URLSearchParams(form)))).toEqual(
      ['a-1', 'a-2'].map((assertion) => ({
        client_id: 'documents',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      })),
    );
  });

  it('that can not be signed is tried again', async () => {
    let tries = 0;
    const assertion = (): string => {
      if (++tries === 1) throw new Error('the key store is away');
      return 'signed';
    };
    await followed({ client: { id: 'documents', assertion } }, PATIENT);
    expect([tries, log[0]]).toEqual([2, 'lost: the key store is away']);
  });

  it('that is never signed is given up, and tried again', async () => {
    let tries = 0;
    const assertion = () => (++tries === 1 ? new Promise<string>(() => undefined) : 'signed');
    await followed({ client: { id: 'documents', assertion } }, { ...PATIENT, connectMs: 20 });
    expect(tries).toBe(2);
  });

  it('is made once, however often it is started', async () => {
    const feed = feedOf();
    const starts = [feed.start(), feed.start()];
    (await server.next()).complete();
    await Promise.all([...starts, feed.start()]);
    await sleep(20);
    expect(server.requests).toBe(1);
  });

  it('is made anew on a connection of its own', async () => {
    const { first } = await followed();
    first.end();
    await server.next();
    expect(server.connections).toBe(2);
  });
});

describe('a snapshot', () => {
  it('is merged; the feed is complete at its end, and no sooner', async () => {
    const feed = feedOf();
    let started = false;
    const starting = feed.start().then(() => (started = true));
    const connection = (await server.next()).open().hello().snapshot(token('a')).snapshot(token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect([verdict(feed, 'a'), verdict(feed, 'c')]).toEqual([true, 'revocation_unavailable']);
    expect([feed.ready, feed.ageSeconds, started, log]).toEqual([false, Infinity, false, []]);
    connection.snapshotEnd('stream.7');
    await starting;
    expect([verdict(feed, 'a'), verdict(feed, 'b'), verdict(feed, 'c')]).toEqual([true, true, false]);
    expect([feed.ready, feed.stats.entries, log]).toEqual([true, 2, ['followed 2']]);
    expect(feed.ageSeconds).toBeLessThan(5);
  });

  it('may be empty', async () => {
    const feed = feedOf();
    const started = feed.start();
    (await server.next()).open().hello().snapshotEnd('stream.0');
    await started;
    expect(verdict(feed, 'a')).toBe(false);
  });

  it('that is cut off leaves what has come, and completes nothing', async () => {
    const feed = feedOf();
    const started = feed.start();
    const first = (await server.next()).open().hello().snapshot(token('a'));
    await until(() => verdict(feed, 'a') === true);
    first.cut();
    const second = await server.next();
    expect(second.lastEventId).toBeUndefined();
    expect([feed.ready, verdict(feed, 'a'), verdict(feed, 'b')]).toEqual([false, true, 'revocation_unavailable']);
    second.complete('stream.2');
    await started;
    expect([verdict(feed, 'a'), verdict(feed, 'b')]).toEqual([true, false]);
  });

  it('never replaces what is known: a token that a later snapshot lacks stays revoked', async () => {
    const { feed, first } = await followed();
    first.event('renewed', {});
    const second = await server.next();
    expect(second.lastEventId).toBeUndefined();
    second.complete('other.1', token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect(verdict(feed, 'a')).toBe(true);
  });

  it('is no place to go on from, also not for what is revoked while it lasts', async () => {
    const feed = feedOf();
    void feed.start();
    const first = (await server.next()).open().hello().revoked('stream.5', token('a')).snapshot(token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect(verdict(feed, 'a')).toBe(true);
    first.cut();
    expect((await server.next()).lastEventId).toBeUndefined();
    expect(feed.ready).toBe(false);
  });
});

describe('what is revoked', () => {
  it('is refused at once, and told to everybody who has subscribed', async () => {
    const { feed, first } = await followed();
    const [one, other] = [jest.fn(), jest.fn()];
    const end = feed.subscribe(one);
    feed.subscribe(other);
    first.revoked('stream.2', token('b'));
    await until(() => verdict(feed, 'b') === true);
    end();
    first.revoked('stream.3', token('c'));
    await until(() => verdict(feed, 'c') === true);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([1, 2]);
    expect(feed.stats).toEqual({ entries: 3, hits: 2 });
  });

  it.each([
    ['one is left out', 'stream.3'],
    ['one comes again', 'stream.1'],
    ['it is of another stream', 'other.2'],
    ['it has no id', undefined],
    ['its id is none', 'stream.2x'],
  ])('counts, but the connection does not go on, when %s', async (_what, id) => {
    const { feed, first } = await followed();
    first.revoked(id, token('b'));
    const second = await server.next();
    expect([verdict(feed, 'b'), second.lastEventId]).toEqual([true, undefined]);
    expect(log).toEqual(['followed 1', 'lost: the ids have a gap']);
  });

  it('stays revoked when the feed is closed', async () => {
    const { feed } = await followed();
    feed.close();
    expect(verdict(feed, 'a')).toBe(true);
  });
});

describe('that the keys have changed', () => {
  const keysChanged = (connection: FeedConnection, id: string | undefined, version: unknown = 2): FeedConnection =>
    connection.event('keys-changed', { version }, id);

  it('is told, and is the next event: the connection goes on behind it', async () => {
    const { feed, first } = await followed();
    const [changed, revoked] = [jest.fn(), jest.fn()];
    const end = feed.onKeysChanged(changed);
    feed.subscribe(revoked);
    keysChanged(first, 'stream.2').revoked('stream.3', token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect([changed.mock.calls.length, revoked.mock.calls.length]).toEqual([1, 1]);
    expect(feed.stats.entries).toBe(2);
    end();
    keysChanged(first, 'stream.4').end();
    expect((await server.next()).lastEventId).toBe('stream.4');
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('may be the first of a backlog', async () => {
    const { feed, first } = await followed();
    const changed = jest.fn();
    feed.onKeysChanged(changed);
    first.end();
    keysChanged((await server.next()).open().hello(), 'stream.2').heartbeat();
    await until(() => log.length === 3);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(server.requests).toBe(2);
  });

  it('may be missed where a snapshot comes: that is told at its end, and not of the first one', async () => {
    const feed = feedOf();
    const changed = jest.fn();
    feed.onKeysChanged(changed);
    const started = feed.start();
    const first = (await server.next()).complete();
    await started;
    expect(changed).not.toHaveBeenCalled();
    first.event('renewed', {});
    const second = (await server.next()).open().hello().snapshot(token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect(changed).not.toHaveBeenCalled();
    second.snapshotEnd('other.9').revoked('other.10', token('c'));
    await until(() => verdict(feed, 'c') === true);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['one is left out', 'stream.3', 2, 'the ids have a gap', 1],
    ['it has no id', undefined, 2, 'the ids have a gap', 1],
    ['its version is none', 'stream.2', 0, 'version of a revocation entry', 0],
    ['its version is text', 'stream.2', '2', 'version of a revocation entry', 0],
  ])('is not gone on from when %s', async (_what, id, version, reason, told) => {
    const { feed, first } = await followed();
    const changed = jest.fn();
    feed.onKeysChanged(changed);
    keysChanged(first, id, version);
    const second = await server.next();
    expect([log.at(-1), changed.mock.calls.length]).toEqual([expect.stringMatching(`^lost: ${reason}`), told]);
    expect(second.lastEventId).toBe(id === 'stream.2' ? 'stream.1' : undefined);
  });

  it('says nothing of a key that is revoked: an entry does', async () => {
    const { feed, first } = await followed();
    const isKeyRevoked = () => ['key-8', 'key-9'].map((kid) => feed.isKeyRevoked(FEED_ISSUER, kid));
    expect(isKeyRevoked()).toEqual([false, false]);
    first.revoked('stream.2', { kind: 'kid', value: 'key-9' });
    keysChanged(first, 'stream.3').revoked('stream.4', token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect(isKeyRevoked()).toEqual([false, true]);
  });
});

describe('a connection that is lost', () => {
  it('is made anew, to go on with the last id; a heartbeat says that nothing is missing', async () => {
    const { feed, first } = await followed();
    first.revoked('stream.2', token('b'));
    await until(() => verdict(feed, 'b') === true);
    first.cut();
    const second = await server.next();
    expect(second.lastEventId).toBe('stream.2');
    second.open().hello().heartbeat();
    await until(() => log.length === 3);
    expect(log[1]).toMatch(/^lost: /);
    expect(log[2]).toBe('followed 2');
  });

  it('goes on with the backlog, and from there', async () => {
    const { feed, first } = await followed();
    first.end();
    const second = await server.next();
    second.open().hello().revoked('stream.2', token('b')).revoked('stream.3', token('c'));
    await until(() => verdict(feed, 'c') === true);
    second.end();
    expect((await server.next()).lastEventId).toBe('stream.3');
    expect(log.slice(0, 2)).toEqual(['followed 1', 'lost: the connection was ended']);
  });

  it('does not go on when the first id does not follow', async () => {
    const { first } = await followed();
    first.end();
    (await server.next()).open().hello().revoked('stream.4', token('b')).heartbeat();
    expect((await server.next()).lastEventId).toBeUndefined();
    expect(log).toEqual(['followed 1', 'lost: the connection was ended']);
  });

  it('begins with a snapshot where it can not go on: no heartbeat completes it before that has ended', async () => {
    let now = 0;
    const { feed, first } = await followed({ monotonic: () => now });
    first.end();
    const second = (await server.next()).open().hello().snapshot(token('b'));
    await until(() => verdict(feed, 'b') === true);
    now = 60_000;
    second.heartbeat();
    const third = await server.next();
    expect([feed.ageSeconds, third.lastEventId]).toEqual([60, undefined]);
    third.complete('other.9');
    await until(() => feed.ageSeconds === 0);
    third.end();
    expect((await server.next()).lastEventId).toBe('other.9');
  });

  it('is told once, and so is that it is followed again', async () => {
    const { first } = await followed();
    first.cut();
    for (let attempt = 0; attempt < 3; attempt++) (await server.next()).open(503, { 'retry-after': '1' }).end();
    (await server.next()).complete();
    await until(() => log.length === 3);
    expect(log).toEqual(['followed 1', expect.stringMatching(/^lost: /), 'followed 1']);
  });

  it('without a server is tried again until there is one', async () => {
    const { url } = server;
    await server.stop();
    server = await FeedServer.start(0);
    const feed = feedOf({ url });
    const started = feed.start();
    await until(() => log.length === 1);
    expect(log[0]).toMatch(/^lost: .*ECONNREFUSED/);
    await server.stop();
    server = await FeedServer.start(Number(new URL(url).port));
    (await server.next()).complete();
    await started;
    expect(log[1]).toBe('followed 0');
  });
});

describe('an answer of no use', () => {
  it.each<[string, string, (connection: FeedConnection) => unknown]>([
    ['a wrong secret', 'client authentication refused (401)', (c) => c.open(401).end()],
    ['no right to it', 'the client may not read revocations (403)', (c) => c.open(403).end()],
    ['a replica that is behind', 'answered with status 503', (c) => c.open(503, { 'retry-after': '1' }).end()],
    ['no content', 'answered with status 204', (c) => c.open(204).end()],
    ['a redirect', 'answered with status 307', (c) => c.open(307, { location: server.url }).end()],
    [
      'a page',
      'answered with something else than an event stream',
      (c) => c.open(200, { 'content-type': 'text/html' }),
    ],
    ['no type', 'answered with something else than an event stream', (c) => c.open(200, {})],
    ['no hello', 'the first event was no hello', (c) => c.open().snapshotEnd('stream.1').heartbeat()],
    ['another issuer', 'the feed is of another issuer', (c) => c.open().hello('https://other.test').snapshotEnd('s.1')],
    [
      'another version',
      'the feed is of another version than 1',
      (c) => c.open().hello(FEED_ISSUER, 2).snapshotEnd('s.1'),
    ],
    ['a second hello', 'an event of an unknown kind came', (c) => c.open().hello().hello()],
    ['an unknown event', 'an event of an unknown kind came', (c) => c.open().hello().event('amended', {})],
    ['an event without a name', 'an event of an unknown kind came', (c) => c.open().hello().raw('data: {}\n\n')],
    ['a heartbeat too soon', 'a heartbeat came before the end of the snapshot', (c) => c.open().hello().heartbeat()],
    ['no list', 'a snapshot has no list of entries', (c) => c.open().hello().event('snapshot', { entries: {} })],
    ['null', 'a snapshot has no list of entries', (c) => c.open().hello().event('snapshot', null)],
    ['an end without id', 'the end of the snapshot has no readable id', (c) => c.open().hello().snapshotEnd(undefined)],
    ['an id that is none', 'the end of the snapshot has no readable id', (c) => c.open().hello().snapshotEnd('stream')],
    ['an id for no header', 'the end of the snapshot has no readable id', (c) => c.open().hello().snapshotEnd('ä.1')],
    ['an end without age', 'an age is no number', (c) => c.open().hello().snapshotEnd('stream.1', null)],
    ['an age of text', 'an age is no number', (c) => c.open().hello().snapshotEnd('stream.1', '0')],
    ['an age to come', 'an age is no number', (c) => c.open().hello().snapshotEnd('stream.1', -1)],
    ['no JSON', 'an event holds no JSON', (c) => c.open().hello().raw('event: snapshot\ndata: {"entries":\n\n')],
    ['an unknown kind', 'a revocation entry must be of', (c) => c.open().hello().snapshot({ kind: 'aud', value: 'x' })],
    [
      'no UTF-8',
      'The encoded data was not valid',
      (c) =>
        c
          .open()
          .hello()
          .raw(Buffer.from([0x64, 0xff, 0xfe])),
    ],
  ])('%s: is lost for that reason and tried again; the feed is not ready', async (_what, reason, answer) => {
    const feed = feedOf();
    void feed.start();
    const first = await server.next();
    answer(first);
    const second = await server.next();
    expect(log).toEqual([expect.stringMatching(`^lost: ${reason.replace(/[()]/g, '\\$&')}`)]);
    expect([feed.ready, second.path, second.lastEventId]).toEqual([false, '/revocations/feed', undefined]);
    await until(() => first.gone);
  });

  it('keeps no entry from counting that can be read, beside one that can not', async () => {
    const { feed, first } = await followed();
    first.event('renewed', {});
    const second = await server.next();
    second.open().hello().snapshot(token('b'), { kind: 'aud', value: 'x' }, token('c')).snapshotEnd('stream.9');
    await server.next();
    expect([verdict(feed, 'b'), verdict(feed, 'c')]).toEqual([true, true]);
  });

  it('is no reason to go on somewhere else: what could not be read is asked for again', async () => {
    const { first } = await followed();
    first.event('revoked', { kind: 'aud', value: 'x' }, 'stream.2');
    expect((await server.next()).lastEventId).toBe('stream.1');
  });

  it('a snapshot in the middle of what is live', async () => {
    const { first } = await followed();
    first.snapshot(token('b'));
    await until(() => log.length === 2);
    expect(log[1]).toBe('lost: a snapshot came where none was due');
  });

  it('an event without end: it is cut off at 4 MiB', async () => {
    const { first } = await followed();
    first.raw('event: revoked\ndata: ');
    const chunk = 'x'.repeat(64 * 1024);
    let chunks = 0;
    while (!first.gone) {
      if (chunks++ < 200) first.raw(chunk);
      await sleep(1);
    }
    await until(() => log.length === 2);
    expect(log[1]).toBe('lost: an event is larger than 4194304 characters');
  });

  it('a server that speaks no TLS', async () => {
    const feed = feedOf({ url: server.url.replace('http:', 'https:') });
    void feed.start();
    await until(() => log.length === 1);
    expect(log[0]).toMatch(/^lost: .*(SSL|ssl|wrong version)/);
    expect(server.requests).toBe(0);
  });

  it('holds nothing of the secret in any reason', async () => {
    const feed = feedOf();
    void feed.start();
    (await server.next()).open(401).end();
    await until(() => log.length === 1);
    const shown = inspect([feed, log], { depth: 9, showHidden: true });
    for (const secret of ['the-secret', Buffer.from('documents:the-secret').toString('base64')]) {
      expect(shown).not.toContain(secret);
    }
  });
});

describe('the form of the stream', () => {
  const entry = { ...token('käse-😀'), kind: 'jti' } as const;

  it('may be cut anywhere, inside characters too', async () => {
    const feed = feedOf();
    const started = feed.start();
    const connection = (await server.next()).open();
    const bytes = Buffer.from(
      `event: hello\ndata: {"issuer":"${FEED_ISSUER}","version":1}\n\n` +
        `event: snapshot\ndata: ${JSON.stringify({ entries: [entry] })}\n\n` +
        'event: snapshot-end\nid: stream.1\ndata: {"ageMs":0}\n\n',
    );
    for (const byte of bytes) {
      connection.raw(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await started;
    expect(verdict(feed, 'käse-😀')).toBe(true);
  });

  it.each([
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])(
    'may have lines that end with %s, comments, unknown fields, data on several lines, and a byte order mark',
    async (_what, end) => {
      const feed = feedOf();
      const started = feed.start();
      const lines = [
        '\ufeff: welcome',
        'retry: 1',
        'event:hello',
        `data:{"issuer":"${FEED_ISSUER}",`,
        'data: "version":1}',
        '',
        ':',
        'unknown: field',
        'id: stream.1',
        'event: snapshot-end',
        ': in between',
        'data: {"ageMs":0}',
        '',
        '',
      ];
      (await server.next())
        .open(200, { 'content-type': 'Text/Event-Stream; charset=utf-8' })
        .raw(lines.join(end))
        .raw(`: more${end}`);
      await started;
      expect(feed.ready).toBe(true);
    },
  );
});

describe('age', () => {
  it('grows by the monotonic clock while nothing comes, and starts from what the issuer says', async () => {
    let [now, wall] = [1_000_000, 1_000];
    const feed = feedOf({ monotonic: () => now, now: () => wall });
    const started = feed.start();
    const connection = (await server.next()).open().hello().snapshotEnd('stream.1', 250);
    await started;
    expect(feed.ageSeconds).toBe(0.25);
    now += 7_000;
    expect(feed.ageSeconds).toBe(7.25);
    wall += 86_400;
    expect(feed.ageSeconds).toBe(7.25);
    connection.heartbeat(500);
    await until(() => feed.ageSeconds === 0.5);
  });

  it('is not made greater by a heartbeat that says less', async () => {
    const { feed, first } = await followed({ monotonic: () => 0 });
    first.heartbeat(90_000).revoked('stream.2', token('b'));
    await until(() => verdict(feed, 'b') === true);
    expect(feed.ageSeconds).toBe(0);
  });

  it('is not made less by anything but word of completeness', async () => {
    let now = 0;
    const { feed, first } = await followed({ monotonic: () => now });
    // So that the heartbeat of the beginning is behind it.
    first.revoked('stream.2', token('b'));
    await until(() => verdict(feed, 'b') === true);
    now = 5_000;
    first.raw(': nothing\n\n').revoked('stream.3', token('c'));
    await until(() => verdict(feed, 'c') === true);
    expect(feed.ageSeconds).toBe(5);
  });
});

describe('silence', () => {
  const IMPATIENT: Partial<FeedTimes> = { ...PATIENT, connectMs: 150, headersMs: 150, silenceMs: 150 };

  it('ends a connection, which is then made anew', async () => {
    const { first } = await followed({}, IMPATIENT);
    const second = await server.next();
    expect([second.lastEventId, log[1]]).toEqual(['stream.1', "lost: another byte didn't come within 150 ms"]);
    await until(() => first.gone);
  });

  it('is broken by any byte', async () => {
    const { first } = await followed({}, IMPATIENT);
    for (let i = 0; i < 20; i++) {
      await sleep(20);
      first.raw(':\n');
    }
    expect([first.gone, server.requests]).toEqual([false, 1]);
  });

  it('before an answer ends the attempt', async () => {
    void feedOf({}, IMPATIENT).start();
    const first = await server.next();
    await server.next();
    expect(log).toEqual(["lost: an answer didn't come within 150 ms"]);
    await until(() => first.gone);
  });

  it('before a connection ends the attempt: TLS that is never answered', async () => {
    const sockets = new Set<Socket>();
    const mute: Server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const feed = feedOf({ url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}/` }, IMPATIENT);
    void feed.start();
    await until(() => sockets.size === 2);
    expect(log).toEqual(["lost: a connection didn't come within 150 ms"]);
    feed.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });
});

describe('trying again', () => {
  it('waits at random, longer from one failure to the next, and never longer than the longest', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    const times: number[] = [];
    void feedOf({}, { ...PATIENT, backOffMs: 20, maxBackOffMs: 80 }).start();
    for (let i = 0; i < 5; i++) {
      (await server.next()).open(503).end();
      times.push(performance.now());
    }
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    // Never sooner than they may; how much later is a matter of the machine.
    for (const [i, least] of [19, 39, 79, 79].entries()) expect(gaps[i]).toBeGreaterThan(least - 2);
  });

  it('waits long from the start where the client was refused', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    void feedOf({}, { ...PATIENT, backOffMs: 1, maxBackOffMs: 100 }).start();
    (await server.next()).open(401).end();
    const at = performance.now();
    await server.next();
    expect(performance.now() - at).toBeGreaterThan(90);
  });

  it('begins from the shortest again after a connection that was good for a while', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    void feedOf({}, { ...PATIENT, backOffMs: 10, maxBackOffMs: 1_000 }).start();
    for (let i = 0; i < 6; i++) (await server.next()).open(503).end();
    const good = (await server.next()).complete();
    await sleep(1_100);
    good.end();
    const at = performance.now();
    await server.next();
    // After one more failure in the row it would be 640 ms.
    expect(performance.now() - at).toBeLessThan(500);
  });

  it('is no faster with a server that completes and ends every connection', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    void feedOf({}, { ...PATIENT, backOffMs: 10, maxBackOffMs: 1_000 }).start();
    const at = performance.now();
    for (let i = 0; i < 5; i++) {
      const connection = (await server.next()).open().hello();
      (connection.lastEventId === undefined ? connection.snapshotEnd('stream.1') : connection.heartbeat()).end();
    }
    // 10, 20, 40 and 80.
    expect(performance.now() - at).toBeGreaterThan(140);
  });

  it('leaves no listeners behind', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
    void feedOf({}, { ...PATIENT, backOffMs: 1, maxBackOffMs: 1 }).start();
    for (let i = 0; i < 30; i++) (await server.next()).open(503).end();
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('close', () => {
  it('ends the connection and every try, and resolves who waits', async () => {
    const feed = feedOf();
    const started = feed.start();
    const connection = (await server.next()).open().hello();
    feed.close();
    feed.close();
    await started;
    await until(() => connection.gone);
    await sleep(50);
    expect([server.requests, feed.ready, log]).toEqual([1, false, []]);
  });

  it('while it connects', async () => {
    const feed = feedOf();
    const started = feed.start();
    feed.close();
    await started;
    await sleep(50);
    expect([server.requests, log]).toEqual([0, []]);
  });

  it('while it waits for the next try', async () => {
    const feed = feedOf({}, { ...PATIENT, backOffMs: 60_000, maxBackOffMs: 60_000 });
    const started = feed.start();
    (await server.next()).open(503).end();
    await until(() => log.length === 1);
    feed.close();
    await started;
    expect(server.requests).toBe(1);
  });

  it('is for good: it starts no more', async () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    const feed = feedOf();
    feed.close();
    await feed.start();
    await sleep(20);
    expect([server.requests, feed.ready, timers.mock.calls]).toEqual([0, false, []]);
  });
});

it('holds its process until it was complete once, and not from then on', async () => {
  const held = (what: string) => process.getActiveResourcesInfo().filter((name) => name === what).length;
  const sockets = () => held('TCPSocketWrap');
  const feed = feedOf();
  const started = feed.start();
  const connection = (await server.next()).open().hello();
  const before = sockets();
  connection.snapshotEnd('stream.1');
  await started;
  expect(sockets()).toBe(before - 1);
  connection.end();
  const second = (await server.next()).open().hello();
  expect(sockets()).toBe(before - 1);
  second.heartbeat();
  await until(() => log.length === 3);
  expect(sockets()).toBe(before - 1);
});

it('holds its process while it waits for the next try, until it was complete once', async () => {
  const waits = jest.spyOn(timers, 'setTimeout');
  /** Of each wait of a feed, whether it holds the process; those of the test say nothing of it. */
  const held = () => waits.mock.calls.flatMap(([, , options]) => options?.ref ?? []);
  const waiting: Partial<FeedTimes> = { ...PATIENT, backOffMs: 600_000, maxBackOffMs: 600_000 };
  const feed = feedOf({}, waiting);
  void feed.start();
  (await server.next()).open(503).end();
  await until(() => log.length === 1);
  expect(held()).toEqual([true]);
  const { first } = await followed({}, waiting);
  first.end();
  await until(() => log.length === 3);
  expect(held()).toEqual([true, false]);
});

it('forgets what has expired by itself, until it is closed', async () => {
  let now = 1_000;
  const feed = feedOf({ now: () => now }, { ...PATIENT, sweepMs: 10 });
  const started = feed.start();
  (await server.next()).complete('stream.1', { kind: 'jti', value: 'a', until: 1_001 }, token('b'));
  await started;
  expect(feed.stats.entries).toBe(2);
  now = 1_002;
  await until(() => feed.stats.entries === 1);
  feed.close();
  now = UNTIL;
  await sleep(40);
  expect(feed.stats.entries).toBe(1);
});

it('goes on, whatever its observer and those who have subscribed throw', async () => {
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
  const broken = () => {
    throw new Error('broken');
  };
  const { feed, first } = await followed({ observer: { followed: broken, lost: broken } });
  feed.subscribe(broken);
  first.revoked('stream.2', token('b')).end();
  (await server.next()).open().hello().revoked('stream.3', token('c'));
  await until(() => verdict(feed, 'c') === true);
  expect(verdict(feed, 'b')).toBe(true);
  expect(warned.mock.calls.length).toBeGreaterThanOrEqual(4);
});

describe('options', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['issuer', 'no issuer', { issuer: undefined }],
    ['issuer', 'an empty issuer', { issuer: '' }],
    ['url', 'no url', { url: undefined }],
    ['url', 'a path', { url: '/revocations/feed' }],
    ['url', 'http', { url: 'http://issuer.test/feed', dangerouslyAllowHttp: undefined }],
    ['url', 'another protocol', { url: 'ftp://issuer.test/feed' }],
    ['url', 'a user in the url', { url: 'https://user@issuer.test/feed' }],
    ['url', 'a password in the url', { url: 'https://:hunter2@issuer.test/feed' }],
    ['client.id', 'no client', { client: undefined }],
    ['client.id', 'no id', { client: { secret: 's' } }],
    ['client.secret', 'an empty secret', { client: { id: 'a', secret: '' } }],
    ['client.assertion', 'an assertion that is none', { client: { id: 'a', assertion: 'x' } }],
    [
      'client.secret, client.assertion',
      'a secret and an assertion',
      { client: { id: 'a', secret: 's', assertion: () => 'x' } },
    ],
    ['client.secret', 'a secret that is no text', { client: { id: 'a', secret: 5 } }],
    ['now', 'a clock that stands', { now: 5 }],
    ['monotonic', 'a clock that is none', { monotonic: 'x' }],
  ])('%s: refuses %s', (name, _what, wrong) => {
    const make = () => new RevocationFeed({ ...optionsOf(), ...wrong });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(new RegExp(`^${name.replace('.', '\\.')}: (?!.*hunter2)`));
  });

  it('there must be some', () => {
    expect(() => new RevocationFeed(undefined as never)).toThrow(/^issuer: /);
  });

  it('https needs nothing else', () => {
    const { issuer, client } = optionsOf();
    expect(new RevocationFeed({ issuer, client, url: 'https://issuer.test/feed' }).ready).toBe(false);
  });

  it('are what they were when it was made', async () => {
    const client = { id: 'documents', secret: 'the-secret' };
    const options = { ...optionsOf(), client };
    const feed = new RevocationFeed(options, PATIENT);
    feeds.push(feed);
    client.secret = 'another';
    options.issuer = 'https://other.test';
    void feed.start();
    const { headers } = await server.next();
    expect(headers.authorization).toBe(`Basic ${Buffer.from('documents:the-secret').toString('base64')}`);
  });

  it('has the times that the docs give', () => {
    expect(FEED_TIMES).toEqual({
      connectMs: 3_000,
      headersMs: 3_000,
      silenceMs: 5_000,
      backOffMs: 100,
      maxBackOffMs: 2_000,
      sweepMs: 60_000,
    });
  });
});
