import { WebSocketGateway, SubscribeMessage } from '@nestjs/websockets';
import { TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { policyCensus, RevocationCopy, WhenStale } from '../src';
import { AgingSource } from './staleness-source';
import { LIBRARIES, refusal, TestApp, Watching } from './websockets-apps';

@WhenStale({ allowForSeconds: 30 })
@WebSocketGateway()
class StaleGateway extends Watching {
  @WhenStale('deny')
  @SubscribeMessage('denying')
  denying() {
    return { event: 'seen', data: {} };
  }
}

@WebSocketGateway()
class PlainGateway extends Watching {}

let subject: TestApp;
afterEach(() => subject.stop());

describe.each(LIBRARIES)('a socket of %s, while revocations are behind,', (library) => {
  let source: AgingSource;

  async function start(gateway: typeof PlainGateway): Promise<void> {
    source = new AgingSource();
    subject = await TestApp.start({ library, gateways: [gateway], guard: { revocation: source } });
  }

  it.each<[typeof PlainGateway, string, number]>([
    [PlainGateway, 'closed', 70],
    [StaleGateway, 'closed', 40],
    [StaleGateway, 'denying', 10],
  ])('of %p has its message %s answered until they are %d s old, and stays open', async (gateway, message, limit) => {
    await start(gateway);
    const client = await subject.admitted();
    source.ageSeconds = limit;
    client.send(message);
    expect(await client.next('seen')).toBeDefined();
    source.ageSeconds = limit + 0.1;
    client.send(message);
    expect(await client.next('exception')).toEqual(refusal(503, 'revocation_stale'));
    // What is for everybody is answered: it is open still.
    client.send('open');
    expect(await client.next('seen')).toEqual({ tokenId: null });
    source.ageSeconds = 0;
    client.send(message);
    expect(await client.next('seen')).toBeDefined();
  });

  it('is opened and renewed however old they are', async () => {
    await start(StaleGateway);
    source.ageSeconds = 100_000;
    const early = await subject.admitted();
    const late = await subject.connect();
    late.send('authenticate', { token: await subject.issuer.token() });
    expect(await late.next('authenticated')).toBeDefined();
    for (const client of [early, late]) {
      client.send('authenticate', { token: await subject.issuer.token() });
      expect(await client.next('authenticated')).toBeDefined();
      client.send('closed');
      expect(await client.next('exception')).toEqual(refusal(503, 'revocation_stale'));
    }
    expect(subject.journal.filter((entry) => entry.startsWith('connected'))).toHaveLength(2);
  });

  it('is ended for no source that can not tell any more, but for what is known to be revoked', async () => {
    await start(PlainGateway);
    const client = await subject.admitted({ jti: 'first' });
    const other = await subject.admitted({ jti: 'second' });
    source.ready = false;
    source.ageSeconds = Infinity;
    source.revoked.add('second');
    source.changed();
    expect((await other.ended).code).toBe(library === 'ws' ? 4401 : undefined);
    expect(other.received.at(-1)).toEqual({ event: 'exception', data: refusal(401, 'token_revoked') });
    // Past the look that there is each second.
    await sleep(1_100);
    client.send('closed');
    expect(await client.next('exception')).toEqual(refusal(503, 'revocation_unavailable'));
    source.ready = true;
    source.ageSeconds = 0;
    client.send('closed');
    expect(await client.next('seen')).toEqual({ tokenId: 'first' });
  });

  it('stands in the census with the rule of its messages', async () => {
    await start(StaleGateway);
    const rules = policyCensus(subject.app).handlers.map(({ entry, whenStale }) => [
      entry.split(' ', 2).join(' '),
      whenStale,
    ]);
    expect(rules.sort()).toEqual([
      ['connect /', undefined],
      ['message closed', { allowForSeconds: 30 }],
      ['message denying', 'deny'],
      ['message open', undefined],
    ]);
  });
});

describe.each(LIBRARIES)('a socket of %s', (library) => {
  it('ends at once when a copy of the revocations gets to know of it', async () => {
    const issuer = await TestIssuer.create();
    const copy = new RevocationCopy({ issuer: issuer.issuer, now: issuer.clock.now });
    copy.completeAsOf(0);
    const issuers = [
      { issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256' as const], jwks: issuer.jwks },
    ];
    const guard = { revocation: copy, issuers, now: issuer.clock.now };
    subject = await TestApp.start({ library, gateways: [PlainGateway], guard });
    const open = async (sid: string) =>
      subject.connect({ protocols: ['bearer', await issuer.token({ sid, jti: `of-${sid}` })] });
    const [client, other] = [await open('s-1'), await open('s-2')];
    const before = Date.now();
    copy.merge([{ kind: 'sid', value: 's-1', until: issuer.clock.now() + 300 }]);
    await client.ended;
    // The next look for all sockets is a second after the first of them was opened.
    expect(Date.now() - before).toBeLessThan(500);
    expect(client.received).toEqual([{ event: 'exception', data: refusal(401, 'token_revoked') }]);
    other.send('closed');
    expect(await other.next('seen')).toEqual({ tokenId: 'of-s-2' });
  });
});
