import { Controller, Get, Module } from '@nestjs/common';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { JwtGuardModule, Public } from '@token-relay/jwt-guard';
import { TestIssuer } from '@token-relay/testing';
import { MountedSecret, selfSigned, TestCa, type TestCertificate } from '@token-relay/testing/servers';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions, type Server, type TLSSocket } from 'node:tls';
import { type Clients, createHttpApp, createLogger, serverTls, ServiceTls } from '../src';

@Public('a test of connections')
@Controller()
class HelloController {
  static answered = 0;

  @Get('hello')
  hello() {
    HelloController.answered++;
    return 'hello';
  }

  @Get('slow')
  async slow() {
    await sleep(300);
    return 'slow';
  }
}

@Module({ controllers: [HelloController] })
class HelloModule {}

const NOTHING = 'nothing';

describe('an app that serves HTTPS', () => {
  let ca: TestCa;
  let otherCa: TestCa;
  let folder: string;
  let own: TestCertificate;
  let client: TestCertificate;
  let issuer: TestIssuer;
  let secret: MountedSecret;
  let tls: ServiceTls;
  let app: NestFastifyApplication;
  let lines: string[];
  const sockets: Socket[] = [];
  const agents: Agent[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mutual-tls-'));
    [ca, otherCa] = [await TestCa.create(), await TestCa.create('CN=Another CA')];
    own = await ca.issue(['localhost', '127.0.0.1']);
    client = await ca.issue(['gateway', 'gateway.token-relay.svc']);
    issuer = await TestIssuer.create();
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const agent of agents.splice(0)) agent.destroy();
    await app.close();
  });

  async function start({ names, clients }: { names?: readonly string[]; clients?: Clients } = {}): Promise<void> {
    lines = [];
    secret = new MountedSecret(folder, own);
    const destination = { write: (text: string) => void lines.push(...text.trimEnd().split('\n')) };
    const logger = createLogger('test', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, destination);
    tls = new ServiceTls({ ...secret.environment, TLS_CLIENTS: names }, logger);
    const { issuer: iss, audience, jwks } = issuer;
    const guard = JwtGuardModule.forRoot({ issuers: [{ issuer: iss, audience, algorithms: ['ES256'], jwks }] });
    const options = { logger, tls, ...(clients && { clients }) };
    app = await createHttpApp({ module: HelloModule, imports: [guard] }, options);
    await app.listen(0, '127.0.0.1');
    HelloController.answered = 0;
  }
  const port = async (): Promise<number> => Number(new URL(await app.getUrl()).port);
  const logged = (msg: string) =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.msg === msg);

  /** What whoever presents that is answered; `nothing` where the connection comes to nothing. */
  async function ask(
    presented: Partial<TestCertificate>,
    { agent, path = '/hello', host = 'localhost' }: { agent?: Agent; path?: string; host?: string } = {},
  ): Promise<string> {
    const options = { host: '127.0.0.1', servername: host, port: await port(), path, ca: ca.pem, ...presented };
    const asked = request({ ...options, agent: agent ?? false });
    asked.end();
    try {
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      return await text(answer);
    } catch {
      return NOTHING;
    }
  }

  function keepAlive(): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return agent;
  }

  describe('to clients with a certificate', () => {
    beforeEach(() => start());

    it('says so in its address', async () => {
      expect(await app.getUrl()).toMatch(/^https:/);
    });

    it('answers one of its own authority', async () => {
      expect(await ask(client)).toBe('hello');
    });

    it.each<[string, () => Promise<Partial<TestCertificate>>, string]>([
      ['none', () => Promise.resolve({}), 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
      ['one of another authority', async () => ({ ...(await otherCa.issue(['gateway'])), ca: ca.pem }), 'UNABLE_TO'],
      ['one that it signed itself', async () => ({ ...(await selfSigned(['gateway'])), ca: ca.pem }), 'SELF_SIGNED'],
      [
        'one that has expired',
        () => ca.issue(['gateway'], { notAfter: new Date(Date.now() - 1_000) }),
        'CERT_HAS_EXPIRED',
      ],
      [
        'one that is not valid yet',
        () => ca.issue(['gateway'], { notBefore: new Date(Date.now() + 60_000) }),
        'CERT_NOT_YET_VALID',
      ],
    ])('answers nothing to one with %s, says so, and goes on with the others', async (_what, presented, reason) => {
      const agent = keepAlive();
      expect(await ask(client, { agent })).toBe('hello');
      expect(await ask(await presented())).toBe(NOTHING);
      expect(HelloController.answered).toBe(1);
      expect(logged('a client was cut off')).toEqual([
        expect.objectContaining({ level: 40, reason: expect.stringContaining(reason) as string }),
      ]);
      expect(await ask(client, { agent })).toBe('hello');
    });

    it('is refused by a client that asks for another name', async () => {
      expect(await ask(client, { host: 'auth' })).toBe(NOTHING);
      expect(HelloController.answered).toBe(0);
    });

    it('answers nothing to plain HTTP', async () => {
      const socket = connectPlain(await port(), '127.0.0.1', () =>
        socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      sockets.push(socket);
      expect(await text(socket)).not.toContain('HTTP/1.1');
      expect(HelloController.answered).toBe(0);
    });

    it('speaks nothing older than TLS 1.2, and 1.3 with whoever does', async () => {
      expect((await connected(client)).getProtocol()).toBe('TLSv1.3');
      await refusesTls11();
    });

    it('never resumes a session', async () => {
      expect(await resumes()).toBe(false);
    });

    it('answers what is no request as before', async () => {
      const socket = await connected(client);
      socket.write('nonsense\r\n\r\n');
      expect(await text(socket)).toMatch(/^HTTP\/1.1 400 .*"code":"malformed_request"/s);
    });

    it('goes on after something else than TLS has come by a connection', async () => {
      const raw = connectPlain(await port(), '127.0.0.1');
      sockets.push(raw);
      const secured = connect({ socket: raw, servername: 'localhost', ...client });
      sockets.push(secured);
      secured.on('error', () => undefined);
      await once(secured, 'secureConnect');
      raw.write('nonsense in the middle of it');
      await new Promise((resolve) => secured.once('close', resolve));
      expect(await ask(client)).toBe('hello');
    });
  });

  it('logs ten of a flood a minute, and how many there were besides', async () => {
    await start();
    for (let i = 0; i < 13; i++) expect(await ask({})).toBe(NOTHING);
    expect(logged('a client was cut off')).toHaveLength(10);
    expect(await ask(client)).toBe('hello');
  });

  describe('with a list of names', () => {
    it.each<[string, readonly string[]]>([
      ['its first name', ['gateway']],
      ['another of its names', ['resource', 'gateway.token-relay.svc']],
    ])('answers one that is on it by %s', async (_what, names) => {
      await start({ names });
      expect(await ask(client)).toBe('hello');
    });

    it.each<[string, () => Promise<TestCertificate>]>([
      ['another name', () => ca.issue(['audit'])],
      ['a longer name', () => ca.issue(['gateway.evil'])],
      ['a name that stands for many', () => ca.issue(['*.token-relay.svc'])],
      ['an address', () => ca.issue(['10.0.0.1'])],
      ['an address, and the name where it does not count', () => ca.issue(['10.0.0.1'], { commonName: 'gateway' })],
    ])('cuts off one with %s, in whichever way it asks, and says who it was', async (_what, issue) => {
      await start({ names: ['gateway', 'gateway.token-relay.svc'] });
      const presented = await issue();
      expect(await ask(presented)).toBe(NOTHING);
      // Sent with the end of the handshake, before anybody could know that it is refused.
      const socket = await connected(presented);
      socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
      await once(socket, 'close');
      expect(HelloController.answered).toBe(0);
      const [line] = logged('a client was cut off');
      expect(line).toMatchObject({ level: 40, reason: 'not in TLS_CLIENTS' });
      expect(String(line?.certificate)).toMatch(/^(DNS|IP Address):[\w.*-]+$/);
      expect(await ask(client)).toBe('hello');
    });

    it('says no more of one that it cuts off than fits into a line', async () => {
      await start({ names: ['gateway'] });
      expect(await ask(await ca.issue(Array.from({ length: 20 }, (_, i) => `a-rather-long-name-${i}`)))).toBe(NOTHING);
      expect(String(logged('a client was cut off')[0]?.certificate)).toHaveLength(200);
    });

    it('goes by the alternative names alone', async () => {
      await start({ names: ['localhost'] });
      expect(await ask(client)).toBe(NOTHING);
      expect(await ask(own)).toBe('hello');
    });
  });

  it('logs nothing at warn of a probe, which connects and goes away', async () => {
    await start();
    for (let i = 0; i < 3; i++) {
      const probe = connectPlain(await port(), '127.0.0.1');
      await once(probe, 'connect');
      probe.resetAndDestroy();
    }
    expect(await ask({})).toBe(NOTHING);
    expect(logged('a client was cut off')).toHaveLength(1);
  });

  it.each<Clients>(['certified', 'anybody'])(
    'to %s begins no other handshake on a connection, not even after a renewal',
    async (clients) => {
      await start({ clients });
      for (const renewed of [false, true]) {
        if (renewed) await renew();
        const socket = await connected(client, { maxVersion: 'TLSv1.2' });
        const again = await Promise.race([
          new Promise((done) => socket.renegotiate({}, (error) => done(error ? 'refused' : 'done'))),
          once(socket, 'close').then(
            () => 'closed',
            () => 'refused',
          ),
          sleep(500, 'nothing'),
        ]);
        expect(again).not.toBe('done');
      }
      expect(await ask(client)).toBe('hello');
    },
  );

  it('to anybody asks nobody for a certificate', async () => {
    await start({ clients: 'anybody', names: ['gateway'] });
    expect(await ask({})).toBe('hello');
    expect(await ask(await otherCa.issue(['x']).then((other) => ({ ...other, ca: ca.pem })))).toBe('hello');
    const socket = connectPlain(await port(), '127.0.0.1', () =>
      socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    sockets.push(socket);
    await text(socket);
    expect(logged('a client was cut off')).toEqual([]);
  });

  describe('whose certificates are renewed', () => {
    it('presents the new one on new connections, and goes on with those that are open', async () => {
      await start();
      const [agent, open] = [keepAlive(), await connected(client)];
      expect(await ask(client, { agent })).toBe('hello');
      const next = await ca.issue(['localhost', 'renewed'], { notAfter: new Date(Date.now() + 3_600_000) });
      secret.put(next);
      await tls.look();
      expect(Math.abs((tls.expiresAt?.getTime() ?? 0) - Date.now() - 3_600_000)).toBeLessThan(60_000);
      expect(open.getPeerX509Certificate()?.subjectAltName).not.toContain('renewed');
      expect(await ask(client, { agent })).toBe('hello');
      expect((await connected(client)).getPeerX509Certificate()?.subjectAltName).toContain('renewed');
      expect(logged('renewed certificates are in use')).toHaveLength(1);
    });

    it('trusts another authority from then on, or both', async () => {
      await start();
      const other = { ...(await otherCa.issue(['gateway'])), ca: ca.pem };
      const agent = keepAlive();
      expect(await ask(client, { agent })).toBe('hello');
      expect(await ask(other)).toBe(NOTHING);
      secret.put({ ...own, ca: ca.pem + otherCa.pem });
      await tls.look();
      expect([await ask(other), await ask(client)]).toEqual(['hello', 'hello']);
      secret.put({ ...own, ca: otherCa.pem });
      await tls.look();
      expect([await ask(other), await ask(client)]).toEqual(['hello', NOTHING]);
      // What is open has been judged.
      expect(await ask(client, { agent })).toBe('hello');
    });

    it('still keeps its list afterwards', async () => {
      await start({ names: ['gateway'] });
      secret.put(await ca.issue(['localhost', 'renewed']));
      await tls.look();
      expect(await ask(client)).toBe('hello');
      expect(await ask(await ca.issue(['audit']))).toBe(NOTHING);
    });

    it('still resumes nothing, and speaks nothing older than TLS 1.2, afterwards', async () => {
      await start();
      const set = jest.spyOn(app.getHttpAdapter().getHttpServer() as Server, 'setSecureContext');
      await renew();
      expect(await resumes()).toBe(false);
      await refusesTls11();
      // OpenSSL may refuse it by itself.
      expect(set.mock.calls).toEqual([[expect.objectContaining({ minVersion: 'TLSv1.2' })]]);
    });

    it('looks by itself within ten seconds', async () => {
      await start();
      const before = tls.client?.();
      secret.put(await ca.issue(['localhost', 'renewed']));
      for (const deadline = performance.now() + 10_000; tls.client?.() === before && performance.now() < deadline;) {
        await sleep(100);
      }
      expect(tls.client?.()).not.toBe(before);
    });
  });

  it('gives a handshake ten seconds', async () => {
    await start();
    for (const clients of ['certified', 'anybody'] as const) {
      expect(serverTls(tls, clients)).toMatchObject({ handshakeTimeout: 10_000, minVersion: 'TLSv1.2' });
    }
  });

  describe('that ends', () => {
    it('answers what is under way, and waits for nobody that is idle or in the middle of a handshake', async () => {
      await start();
      const idle = await connected(client);
      const hanging = connectPlain(await port(), '127.0.0.1');
      sockets.push(hanging);
      await once(hanging, 'connect');
      const slow = ask(client, { path: '/slow' });
      await sleep(100);
      const begun = performance.now();
      await app.close();
      expect(await slow).toBe('slow');
      expect(performance.now() - begun).toBeLessThan(3_000);
      for (const socket of [idle, hanging]) if (!socket.closed) await once(socket, 'close');
    });
  });

  async function connected({ cert, key }: TestCertificate, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const to = { port: await port(), host: '127.0.0.1', servername: 'localhost', ca: ca.pem };
    const socket = connect({ ...to, cert, key, ...options });
    sockets.push(socket);
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined);
    return socket;
  }

  async function renew(): Promise<void> {
    secret.put(await ca.issue(['localhost', 'renewed']));
    await tls.look();
    expect((await connected(client)).getPeerX509Certificate()?.subjectAltName).toContain('renewed');
  }

  async function resumes(): Promise<boolean> {
    const first = await connected(client, { maxVersion: 'TLSv1.2' });
    const session = first.getSession();
    return (await connected(client, { maxVersion: 'TLSv1.2', ...(session && { session }) })).isSessionReused();
  }

  async function refusesTls11(): Promise<void> {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(connected(client, old)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_SSL|ECONN/) as string,
    });
  }
});
