import { type Revocation } from '@token-relay/jwt-guard';
import { RevocationWatch } from '@token-relay/service-kit';
import { TestIssuer } from '@token-relay/testing';
import { type FastifyReply } from 'fastify';
import { EventEmitter } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleStreams } from '../src/console/events/console-streams';
import { BuiltConsole } from './built-console';
import { GatewayApp, until } from './gateway-app';

const PATH = '/console/api/events';
const MOST_CLIENTS = 20;

interface Told {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What has come of a stream so far. */
class Subscriber {
  text = '';
  isComplete = false;

  constructor(readonly answer: IncomingMessage) {
    answer.on('data', (chunk: Buffer) => (this.text += chunk.toString())).on('error', () => undefined);
    answer.on('end', () => (this.isComplete = true));
  }

  get events(): readonly Told[] {
    return [...this.text.matchAll(/^event: (.+)\ndata: (.+)$/gm)].map(([, name = '', data = '']) => ({
      name,
      data: JSON.parse(data) as Told['data'],
    }));
  }

  of(name: string): readonly Told['data'][] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data);
  }

  leave(): void {
    this.answer.destroy();
  }
}

/** As resource and audit keep what they have heard. */
class Service {
  revoke: (entries: readonly Revocation[]) => void = () => undefined;
  readonly watch = new RevocationWatch({
    onRevoked: (told) => {
      this.revoke = told;
      return () => undefined;
    },
  });
}

describe('the events of the console', () => {
  const built = new BuiltConsole();
  const resource = new Service();
  const audit = new Service();
  /** Of requests for what was heard. */
  const asked: (string | undefined)[] = [];
  let demo: GatewayApp;

  const start = (environment: Readonly<Record<string, string>>) =>
    GatewayApp.start({
      environment,
      consoleFolder: built.folder,
      service: ({ url, headers }, response) => {
        if (url === '/revocations/heard') asked.push(headers.authorization);
        const heard = { resource: resource.watch.heard, audit: audit.watch.heard };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(url === '/revocations/heard' ? heard : { hops: [] }));
      },
    });
  beforeAll(async () => {
    demo = await start(built.demo);
  });
  afterAll(async () => {
    await demo.stop();
    built.remove();
  });
  afterEach(() => until(() => following() === 0));

  /** How many look on. */
  const following = (): number => demo.app.get(ConsoleStreams).opened;

  async function asks(at: GatewayApp, token?: string, method = 'GET'): Promise<IncomingMessage> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = request(at.url + PATH, { method, headers, agent: false });
    return new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject).end());
  }

  async function follow(at = demo, token?: string): Promise<Subscriber> {
    const subscriber = new Subscriber(await asks(at, token));
    // From here on nothing is missed.
    await until(() => subscriber.of('keys').length > 0);
    return subscriber;
  }

  const revocation = (value: string): Revocation => {
    return { kind: 'jti', value, until: Math.floor(Date.now() / 1000) + 600 };
  };

  it('begin at once, with the keys that tokens are taken by now', async () => {
    const subscriber = await follow();
    expect(subscriber.answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    const kids = demo.issuer.jwks.keys.map(({ kid }) => kid);
    expect(subscriber.of('keys')[0]).toMatchObject({ service: 'gateway', kids });
    subscriber.leave();
  });

  it('tell of every token that was judged, and of what the relay has made of it, and hold nothing of one', async () => {
    const subscriber = await follow();
    const token = await demo.token({ sub: 'somebody' });
    const headers = { authorization: `Bearer ${token}` };
    for (let i = 0; i < 2; i++) expect((await fetch(`${demo.url}/api/whoami`, { headers })).status).toBe(200);
    const stale = await demo.call('/api/whoami', {}, { aud: 'resource' });
    expect(stale.status).toBe(401);
    await until(() => subscriber.of('verified').length >= 3 && subscriber.of('called').length >= 2);
    const ms = expect.any(Number) as number;
    expect(subscriber.of('verified')).toEqual([
      { service: 'gateway', outcome: 'accepted', cached: false, ms },
      { service: 'gateway', outcome: 'accepted', cached: true, ms },
      { service: 'gateway', outcome: 'rejected', code: 'audience_mismatch', cached: false, ms },
    ]);
    const to = { destination: 'resource', mode: 'exchange' };
    expect(subscriber.of('exchange')).toEqual([
      { ...to, outcome: 'fetched', ms },
      { ...to, outcome: 'cached', ms },
    ]);
    expect(subscriber.of('called')).toEqual(Array<object>(2).fill({ ...to, outcome: 'answered', status: 200, ms }));
    for (const part of [...token.split('.'), 'somebody', 'exchanged']) expect(subscriber.text).not.toContain(part);
    subscriber.leave();
  });

  it('tell of a call of the relay view as one to resource, and not by its contract', async () => {
    const subscriber = await follow();
    expect((await demo.call('/console/api/relay?mode=exchange')).status).toBe(200);
    await until(() => subscriber.of('called').length === 1);
    const to = { destination: 'resource', mode: 'exchange' };
    expect(subscriber.of('exchange')).toEqual([expect.objectContaining(to)]);
    expect(subscriber.of('called')).toEqual([expect.objectContaining({ ...to, outcome: 'answered' })]);
    expect(subscriber.text).not.toContain('console-');
    subscriber.leave();
  });

  it('tell the keys that count from then on when others are published', async () => {
    const gateway = await start(built.demo);
    try {
      const { issuer, keySet } = gateway;
      const next = await TestIssuer.create({ issuer: issuer.issuer, audience: 'gateway', clock: issuer.clock });
      const subscriber = await follow(gateway);
      keySet.keys.push(...next.jwks.keys);
      // It has the keys fetched anew, and waits for them.
      const headers = { authorization: `Bearer ${await next.token()}` };
      expect((await fetch(`${gateway.url}/api/whoami`, { headers })).status).toBe(200);
      await until(() => subscriber.of('keys').length === 2);
      const [before, after] = subscriber.of('keys');
      expect(before).toMatchObject({ kids: [issuer.key.kid] });
      expect(after).toMatchObject({ service: 'gateway', outcome: 'changed', kids: [issuer.key.kid, next.key.kid] });
      subscriber.leave();
    } finally {
      await gateway.stop();
    }
  });

  it('are one a connection, however many are asked for ahead, and over with it', async () => {
    const socket = connect(demo.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(`GET ${PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(5));
    await until(() => text.includes('event: keys'));
    expect(following()).toBe(1);
    socket.destroy();
    await until(() => following() === 0);
  });

  it('are not held open for who has gone before they began', () => {
    const streams = demo.app.get(ConsoleStreams);
    const raw = Object.assign(new EventEmitter(), { destroyed: true, writeHead: jest.fn(), write: jest.fn() });
    const reply = { raw, request: { method: 'GET', raw: { socket: new EventEmitter() } } };
    const header = jest.fn(() => ({ hijack: () => reply }));
    streams.open(Object.assign(reply, { header }) as unknown as FastifyReply);
    expect(following()).toBe(0);
    expect(raw.writeHead).not.toHaveBeenCalled();
  });

  it('tell what was revoked, by its first characters, and of each service when it has heard', async () => {
    const subscriber = await follow();
    const entry = revocation('0f8fad5b-d9cb-469f-a165-70867728950e');
    const before = { exchanges: demo.exchanges.length, called: subscriber.of('called').length };
    demo.feed.revoke(entry);
    await until(() => subscriber.of('revoked').length === 1);
    expect(subscriber.of('revoked')).toEqual([{ kind: 'jti', id: '0f8fad5b', heard: { gateway: 0 } }]);
    resource.revoke([entry]);
    await until(() => subscriber.of('revoked').length === 2);
    audit.revoke([entry]);
    await until(() => subscriber.of('revoked').length === 3);
    const { heard, ...what } = subscriber.of('revoked')[2] as { heard: Record<string, number> };
    expect(what).toEqual({ kind: 'jti', id: '0f8fad5b' });
    expect(Object.keys(heard)).toEqual(['gateway', 'resource', 'audit']);
    expect(Math.min(...Object.values(heard))).toBe(0);
    expect(Math.max(...Object.values(heard))).toBeLessThan(5_000);
    expect(heard.audit).toBeGreaterThanOrEqual(heard.resource ?? NaN);
    expect(subscriber.text).not.toContain('0f8fad5b-');
    // The gateway has asked for itself, and by a token without a user.
    expect(asked).toContain('Bearer exchanged');
    const [own] = demo.exchanges.slice(before.exchanges);
    expect(Object.fromEntries(own ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      audience: 'resource',
      scope: 'revocations:read',
    });
    // What the console asks for itself isn't shown by it.
    expect(subscriber.of('called')).toHaveLength(before.called);
    subscriber.leave();
  });

  it('cost nothing where nobody looks on: nobody is asked what was heard', async () => {
    const before = asked.length;
    demo.feed.revoke(revocation('nobody-looks-on'));
    await sleep(300);
    expect(asked).toHaveLength(before);
  });

  it('are for 20 at most, and for the next when one of them has gone', async () => {
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < MOST_CLIENTS; i++) subscribers.push(await follow());
    const refused = await fetch(demo.url + PATH);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'console_busy' });
    subscribers.pop()?.leave();
    await until(() => following() === MOST_CLIENTS - 1);
    subscribers.push(await follow());
    for (const subscriber of subscribers) subscriber.leave();
  });

  it('are not begun for whoever asks for headers alone', async () => {
    const answer = await asks(demo, undefined, 'HEAD');
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/event-stream']);
    answer.resume();
    await until(() => answer.complete);
  });

  describe('outside of the demo', () => {
    let gateway: GatewayApp;
    beforeAll(async () => {
      gateway = await start({ CONSOLE: '1' });
    });
    afterAll(() => gateway.stop());

    it('are for operators', async () => {
      expect((await fetch(gateway.url + PATH)).status).toBe(401);
      expect((await gateway.call(PATH, {}, { scope: 'documents:read' })).status).toBe(403);
      const subscriber = await follow(gateway, await gateway.token({ scope: 'auth:admin' }));
      subscriber.leave();
    });

    it('end with the token that they were asked for with, and say so', async () => {
      const subscriber = await follow(gateway, await gateway.token({ scope: 'auth:admin', jti: 'operator-1' }));
      const stays = await follow(gateway, await gateway.token({ scope: 'auth:admin', jti: 'operator-2' }));
      gateway.feed.revoke(revocation('operator-1'));
      await until(() => subscriber.isComplete);
      expect(subscriber.events.at(-1)).toMatchObject({ name: 'exception', data: { code: 'token_revoked' } });
      expect(stays.isComplete).toBe(false);
      stays.leave();
    });
  });

  it('end with the app, which does not wait for them', async () => {
    const ending = await start(built.demo);
    const subscribers = [await follow(ending), await follow(ending)];
    const begun = performance.now();
    await ending.stop();
    expect(performance.now() - begun).toBeLessThan(7_000);
    await until(() => subscribers.every(({ isComplete }) => isComplete));
  });
});
