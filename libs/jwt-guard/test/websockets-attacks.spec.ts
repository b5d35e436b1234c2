import { WebSocketGateway } from '@nestjs/websockets';
import { setTimeout as sleep } from 'node:timers/promises';
import { TokenVerifier } from '../src';
import { type AppOptions, Handlers, LIBRARIES, refusal, TestApp, Watching } from './websockets-apps';
import { type Client } from './websockets-clients';

@WebSocketGateway()
class Gateway extends Watching {}

let subject: TestApp;
const start = async (options: Omit<AppOptions, 'gateways'> & Partial<AppOptions>): Promise<TestApp> =>
  (subject = await TestApp.start({ gateways: [Gateway], ...options }));
afterEach(() => subject.stop());

const answers = async (client: Client): Promise<boolean> => {
  client.send('open');
  return (await client.next('seen')) !== undefined;
};

describe.each(LIBRARIES)('what is no token, in a message of %s,', (library) => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'nonsense'],
    ['a number', 1],
    ['a list', [{ token: 'nonsense' }]],
    ['an empty object', {}],
    ['null for a token', { token: null }],
    ['a number for a token', { token: 1 }],
    ['a list for a token', { token: ['nonsense'] }],
    ['an object for a token', { token: { length: 3, toString: 'x' } }],
    ['an empty text', { token: '' }],
    ['a token that is too large', { token: 'a'.repeat(200_000) }],
  ])('is refused, and ends the socket: %s', async (_name, data) => {
    await start({ library, subscribes: true });
    const client = await subject.connect();
    client.send('authenticate', data);
    expect(await client.next('exception')).toEqual(refusal(401, expect.stringMatching(/^token_/) as unknown as string));
    await client.ended;
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it('is refused as bytes, even of a token that is known to be good', async () => {
    await start({ library });
    const token = await subject.issuer.token();
    await subject.app.get(TokenVerifier).verify(token);
    const client = await subject.connect();
    client.send('authenticate', { token: Buffer.from(token) });
    expect(await client.next('exception')).toEqual(refusal(401, 'token_malformed'));
    await client.ended;
  });
});

describe.each(LIBRARIES)('under attack, an app with %s', (library) => {
  it('takes a flood of bad tokens for one', async () => {
    await start({ library, subscribes: true });
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    for (let i = 0; i < 500; i++) client.send('authenticate', { token: `nonsense-${i}` });
    await held.begun;
    await sleep(50);
    held.release();
    await client.ended;
    expect(client.received.filter(({ event }) => event === 'exception')).toHaveLength(1);
    expect(held.count()).toBe(1);
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it('answers a flood of good ones one by one', async () => {
    await start({ library });
    const client = await subject.connect();
    const token = await subject.issuer.token();
    for (let i = 0; i < 500; i++) client.send('authenticate', { token });
    for (let i = 0; i < 500; i++) await client.next('authenticated');
    expect(subject.journal).toEqual(['connected token-1']);
  });

  it('forgets a client that is gone while its token is verified', async () => {
    await start({ library, subscribes: true });
    const token = await subject.issuer.token();
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    client.send('authenticate', { token });
    client.send('closed');
    await held.begun;
    client.close();
    await sleep(50);
    held.release();
    await sleep(50);
    expect(await subject.sessionsLeft()).toBe(0);
    expect(subject.journal).toEqual([]);
  });

  it('has nothing left of clients that come and go', async () => {
    await start({ library, subscribes: true });
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? subject.admitted() : subject.connect())),
    );
    expect(subject.openSessions()).toBe(20);
    for (const client of clients) client.close();
    await sleep(100);
    expect(await subject.sessionsLeft()).toBe(0);
    expect(subject.journal.filter((entry) => entry.startsWith('connected'))).toHaveLength(20);
    expect(subject.journal.filter((entry) => entry.startsWith('disconnected'))).toHaveLength(20);
  });

  it('ends a frame that is too large with its socket alone', async () => {
    @WebSocketGateway({ maxPayload: 100_000, maxHttpBufferSize: 100_000 } as object)
    class Small extends Handlers {}
    await start({ library, gateways: [Small], subscribes: true });
    const client = await subject.connect();
    const other = await subject.admitted();
    client.send('authenticate', { token: 'a'.repeat(200_000) });
    const { code } = await client.ended;
    expect(code).toBe(library === 'ws' ? 1009 : undefined);
    expect(client.received).toEqual([]);
    expect(await answers(other)).toBe(true);
    expect(await subject.sessionsLeft(1)).toBe(1);
  });
});
