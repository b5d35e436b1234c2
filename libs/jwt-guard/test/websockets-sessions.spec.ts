import { WebSocketGateway } from '@nestjs/websockets';
import { TestIssuer, type TestKey } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { Public, RevocationCopy } from '../src';
import { type AppOptions, LIBRARIES, PLATFORMS, refusal, TestApp, Watching } from './websockets-apps';
import { type Client } from './websockets-clients';

@WebSocketGateway()
class Gateway extends Watching {}

@Public('everybody may listen')
@WebSocketGateway()
class OpenGateway extends Watching {}

let subject: TestApp;
const start = async (options: Omit<AppOptions, 'gateways'> & Partial<AppOptions>): Promise<TestApp> =>
  (subject = await TestApp.start({ gateways: [Gateway], ...options }));
afterEach(() => subject.stop());

const seen = (tokenId: string | null, data?: unknown) => ({ tokenId, ...(data === undefined ? {} : { data }) });
/** What a socket ends with: Socket.IO has no codes, and no reasons of others. */
const ended = (code: number, reason: string) =>
  subject.library === 'ws' ? { code, reason } : { code: undefined, reason: 'io server disconnect' };
const answers = async (client: Client): Promise<boolean> => {
  client.send('open');
  return (await client.next('seen')) !== undefined;
};
const short = { webSockets: { authenticateWithinSeconds: 0.2 } };

describe.each(PLATFORMS)('the first message of a socket of %s on %s', (library, framework) => {
  it('brings the token, and all that follows waits for its verdict', async () => {
    await start({ library, framework });
    const token = await subject.issuer.token();
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    client.send('authenticate', { token });
    for (let i = 0; i < 3; i++) client.send('closed', i);
    await held.begun;
    await sleep(20);
    expect(client.received).toEqual([]);
    expect(subject.journal).toEqual([]);
    held.release();
    expect(await client.next('authenticated')).toEqual({ expiresAt: subject.issuer.clock.now() + 300 });
    for (let i = 0; i < 3; i++) expect(await client.next('seen')).toEqual(seen('token-1', i));
    expect(subject.journal).toEqual(['connected token-1', ...Array.from({ length: 3 }, () => 'closed token-1')]);
  });

  it('with a bad token ends it, and what follows is refused', async () => {
    await start({ library, framework, subscribes: true });
    const client = await subject.connect();
    client.send('authenticate', { token: await subject.issuer.token({ aud: 'another' }) });
    client.send('closed');
    client.send('authenticate', { token: await subject.issuer.token() });
    client.send('closed');
    expect(await client.ended).toEqual(ended(4401, 'audience_mismatch'));
    expect(client.received[0]).toEqual({ event: 'exception', data: refusal(401, 'audience_mismatch') });
    expect(client.received.filter(({ event }) => event !== 'exception')).toEqual([]);
    expect(subject.journal).toEqual([]);
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it('without a token in time is the last', async () => {
    await start({ library, framework, guard: short });
    const client = await subject.connect();
    client.send('closed');
    expect(await client.next('exception')).toEqual(refusal(401, 'token_missing'));
    expect(await answers(client)).toBe(true);
    expect(await client.ended).toEqual(ended(4401, 'token_missing'));
    expect(client.received.at(-1)).toEqual({ event: 'exception', data: refusal(401, 'token_missing') });
    expect(subject.journal).toEqual(['open -']);
  });
});

describe.each(LIBRARIES)('the time for a token, with %s', (library) => {
  it('is over in time for a socket that says nothing, and not before', async () => {
    await start({ library, guard: { webSockets: { authenticateWithinSeconds: 0.4 } } });
    const began = Date.now();
    const client = await subject.connect();
    await client.ended;
    const took = Date.now() - began;
    expect(took).toBeGreaterThanOrEqual(390);
    expect(took).toBeLessThan(1_400);
  });

  it('counts until the token comes, not until its verdict', async () => {
    await start({ library, guard: short });
    const token = await subject.issuer.token();
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    client.send('authenticate', { token });
    await sleep(400);
    held.release();
    expect(await client.next('authenticated')).toBeDefined();
    expect(await answers(client)).toBe(true);
  });

  it('is over for a bad token whose verdict comes late', async () => {
    await start({ library, guard: short });
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    client.send('authenticate', { token: 'nonsense' });
    await sleep(300);
    held.release();
    expect(await client.ended).toEqual(ended(4401, 'token_malformed'));
    expect(client.received.filter(({ event }) => event === 'exception')).toHaveLength(1);
  });

  it('ends nothing that has its token, from the request or from a message', async () => {
    await start({ library, guard: short });
    const early = await subject.admitted();
    const late = await subject.connect();
    late.send('authenticate', { token: await subject.issuer.token() });
    await late.next('authenticated');
    await sleep(400);
    expect(await answers(early)).toBe(true);
    expect(await answers(late)).toBe(true);
  });

  it('is without end where the gateway is public', async () => {
    await start({ library, gateways: [OpenGateway], guard: short });
    const client = await subject.connect();
    await sleep(400);
    expect(await answers(client)).toBe(true);
    expect(subject.journal).toEqual(['connected -', 'open -']);
  });

  it('is not over for an outage, after which the client may come again', async () => {
    await start({ library });
    const client = await subject.connect();
    subject.outage = true;
    client.send('authenticate', { token: await subject.issuer.token() });
    expect(await client.next('exception')).toEqual(refusal(503, 'revocation_unavailable'));
    expect(await client.ended).toEqual(ended(1013, 'revocation_unavailable'));
    expect(subject.journal).toEqual([]);
  });
});

describe.each(LIBRARIES)('a socket of %s is renewed', (library) => {
  it('by a token of the same user and session, and then lasts as long as that', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted({ sid: 's-1' });
    subject.issuer.clock.advance(299);
    client.send('authenticate', { token: await subject.issuer.token({ sid: 's-1', jti: 'token-2' }) });
    expect(await client.next('authenticated')).toEqual({ expiresAt: subject.issuer.clock.now() + 300 });
    client.send('closed');
    expect(await client.next('seen')).toEqual(seen('token-2'));
    subject.issuer.clock.advance(299);
    subject.changed();
    expect(await answers(client)).toBe(true);
    subject.issuer.clock.advance(1);
    subject.changed();
    expect(await client.ended).toEqual(ended(4401, 'token_expired'));
    expect(subject.journal[0]).toBe('connected token-1');
    expect(subject.journal.filter((entry) => entry.startsWith('connected'))).toHaveLength(1);
  });

  it('by nobody else’s token, nor one of another session or issuer', async () => {
    const other = await TestIssuer.create({ issuer: 'https://other.test' });
    const issuer = await TestIssuer.create();
    const issuers = [issuer, other].map(({ issuer, audience, jwks }) => {
      return { issuer, audience, algorithms: ['ES256' as const], jwks };
    });
    await start({ library, guard: { issuers } });
    const client = await subject.connect({ protocols: ['bearer', await issuer.token({ sid: 's-1' })] });
    const others: readonly (readonly [Record<string, unknown>, TestIssuer])[] = [
      [{ sid: 's-1', sub: 'another' }, issuer],
      [{ sid: 's-2' }, issuer],
      [{ sid: undefined }, issuer],
      [{ sid: 's-1' }, other],
    ];
    for (const [claims, of] of others) {
      client.send('authenticate', { token: await of.token({ jti: 'stolen', ...claims }) });
      expect(await client.next('exception')).toEqual(refusal(401, 'session_mismatch'));
      client.send('closed');
      expect(await client.next('seen')).toEqual(seen('token-1'));
    }
    client.send('authenticate', { token: await issuer.token({ jti: 'token-2', sid: 's-1' }) });
    await client.next('authenticated');
    client.send('closed');
    expect(await client.next('seen')).toEqual(seen('token-2'));
  });

  it('by no session where it had none', async () => {
    await start({ library });
    const client = await subject.admitted();
    client.send('authenticate', { token: await subject.issuer.token({ sid: 's-1' }) });
    expect(await client.next('exception')).toEqual(refusal(401, 'session_mismatch'));
    client.send('authenticate', { token: await subject.issuer.token({ jti: 'token-2' }) });
    expect(await client.next('authenticated')).toBeDefined();
  });

  it('by no bad token, and stays as it was', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted({ sid: 's-1' });
    const old = await subject.issuer.token({ sid: 's-1', exp: subject.issuer.clock.now() + 1 });
    const withdrawn = await subject.issuer.token({ sid: 's-1', jti: 'withdrawn' });
    subject.revoked.add('withdrawn');
    subject.issuer.clock.advance(6);
    const attempts = [
      [old, 'token_expired'],
      [withdrawn, 'token_revoked'],
      ['nonsense', 'token_malformed'],
      [undefined, 'token_missing'],
    ] as const;
    for (const [token, code] of attempts) {
      client.send('authenticate', { token });
      expect(await client.next('exception')).toEqual(refusal(401, code));
      client.send('closed');
      expect(await client.next('seen')).toEqual(seen('token-1'));
    }
    subject.outage = true;
    client.send('authenticate', { token: await subject.issuer.token({ sid: 's-1' }) });
    expect(await client.next('exception')).toEqual(refusal(503, 'revocation_unavailable'));
    subject.outage = false;
    client.send('closed');
    expect(await client.next('seen')).toEqual(seen('token-1'));
    // It lasts exactly as long as it would have.
    subject.issuer.clock.advance(293);
    subject.changed();
    expect(await answers(client)).toBe(true);
    subject.issuer.clock.advance(1);
    subject.changed();
    expect(await client.ended).toEqual(ended(4401, 'token_expired'));
  });
});

describe.each(LIBRARIES)('a socket of %s ends', (library) => {
  it('within a second of the end of its token, and no other does', async () => {
    await start({ library });
    const { clock } = subject.issuer;
    const expiring = await subject.admitted({ exp: clock.now() + 100 });
    const withdrawn = await subject.admitted({ jti: 'withdrawn', exp: clock.now() + 101 });
    const other = await subject.admitted({ exp: clock.now() + 101 });
    const before = Date.now();
    clock.advance(100);
    subject.revoked.add('withdrawn');
    expect(await expiring.ended).toEqual(ended(4401, 'token_expired'));
    expect(await withdrawn.ended).toEqual(ended(4401, 'token_revoked'));
    expect(Date.now() - before).toBeLessThan(1_500);
    expect(expiring.received).toEqual([{ event: 'exception', data: refusal(401, 'token_expired') }]);
    expect(withdrawn.received).toEqual([{ event: 'exception', data: refusal(401, 'token_revoked') }]);
    expect(await answers(other)).toBe(true);
  });

  it('at once where the source says that something was revoked', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted({ jti: 'withdrawn' });
    const before = Date.now();
    subject.revoked.add('withdrawn');
    subject.changed();
    expect(await client.ended).toEqual(ended(4401, 'token_revoked'));
    // The next look for all sockets is a second after the first of them was opened.
    expect(Date.now() - before).toBeLessThan(500);
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it('at once where the key that signed its token is revoked, and no other does', async () => {
    const issuer = await TestIssuer.create({ algorithms: ['ES256', 'ES256'] });
    const [key, other] = issuer.keys;
    const copy = new RevocationCopy({ issuer: issuer.issuer, now: issuer.clock.now });
    copy.completeAsOf(0);
    const issuers = [
      { issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256' as const], jwks: issuer.jwks },
    ];
    await start({ library, guard: { issuers, now: issuer.clock.now, revocation: copy } });
    const connect = async (claims: object, of: TestKey | undefined): Promise<Client> =>
      subject.connect({ protocols: ['bearer', await issuer.token({ ...claims }, {}, of)] });
    const client = await connect({}, key);
    const exchanged = await connect({ origin_kid: key?.kid }, other);
    const unconcerned = await connect({}, other);
    const before = Date.now();
    copy.merge([{ kind: 'kid', value: key?.kid ?? '' }]);
    expect(await client.ended).toEqual(ended(4401, 'key_revoked'));
    expect(await exchanged.ended).toEqual(ended(4401, 'token_revoked'));
    expect(client.received).toEqual([{ event: 'exception', data: refusal(401, 'key_revoked') }]);
    expect(Date.now() - before).toBeLessThan(500);
    expect(await answers(unconcerned)).toBe(true);
  });

  it('for no outage', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted();
    subject.outage = true;
    subject.changed();
    client.send('closed');
    expect(await client.next('exception')).toEqual(refusal(503, 'revocation_unavailable'));
    subject.outage = false;
    client.send('closed');
    expect(await client.next('seen')).toEqual(seen('token-1'));
  });

  it('with a message that comes too late, before anybody has looked', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted();
    subject.issuer.clock.advance(304);
    client.send('closed');
    expect(await client.next('seen')).toEqual(seen('token-1'));
    subject.issuer.clock.advance(1);
    client.send('closed');
    expect(await client.next('exception')).toEqual(refusal(401, 'token_expired'));
    expect(await client.ended).toEqual(ended(4401, 'token_expired'));
    expect(subject.journal.filter((entry) => entry.startsWith('closed'))).toHaveLength(1);
  });

  it('for every handler of it: what comes after the end is no call', async () => {
    await start({ library, subscribes: true });
    const client = await subject.admitted({ jti: 'withdrawn' });
    subject.revoked.add('withdrawn');
    // All of it is under way before the client can know.
    subject.changed();
    subject.revoked.delete('withdrawn');
    client.send('closed');
    client.send('open');
    client.send('authenticate', { token: await subject.issuer.token() });
    client.send('closed');
    await client.ended;
    await sleep(50);
    expect(subject.journal.filter((entry) => entry.startsWith('closed'))).toEqual([]);
  });
});
