import { TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { EMPTY, firstValueFrom, lastValueFrom, NEVER, type Observable, of, throwError } from 'rxjs';
import {
  type DestinationContract,
  type RelayCallEvent,
  RelayClientProxy,
  type RelayContext,
  relayContextFor,
  type RelayCredentialsEvent,
  type RelayGrantEvent,
  RelayHttpClient,
  type RelayObserver,
  runAs,
  type RpcClient,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { currentCall } from '../src/relay/relay-context';
import { RelayIssuerPeer, RelayPeer } from './relay-peer';

const durationSeconds = expect.any(Number) as number;

describe('the observer of a relay', () => {
  let issuer: TestIssuer;
  let auth: RelayIssuerPeer;
  let peer: RelayPeer;
  let relay: TokenRelay;
  let client: RelayHttpClient;
  let context: RelayContext;
  const credentials: RelayCredentialsEvent[] = [];
  const grants: RelayGrantEvent[] = [];
  const calls: RelayCallEvent[] = [];
  const telling: RelayObserver = {
    credentials: (event) => void credentials.push(event),
    granted: (event) => void grants.push(event),
    called: (event) => void calls.push(event),
  };

  beforeEach(async () => {
    for (const events of [credentials, grants, calls]) events.length = 0;
    issuer = await TestIssuer.create();
    [auth, peer] = await Promise.all([new RelayIssuerPeer().start(), new RelayPeer().start()]);
    start(telling);
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
    });
    context = await relayContextFor(verifier, await issuer.token({ sub: 'alice' }));
  });
  afterEach(async () => {
    await stop();
    await Promise.all([auth.stop(), peer.stop()]);
  });

  /** Hands messages over as they are: the peer is whatever the test makes of `send`. */
  const transport = { prepare: () => (data: unknown) => data };
  function start(observer: RelayObserver | undefined): void {
    const common = { audience: 'peer', scopes: ['a'], baseUrl: peer.origin, timeoutMs: 2_000 };
    const destinations: Record<string, DestinationContract> = {
      peer: { ...common, mode: 'exchange' },
      inTransaction: { ...common, mode: 'transaction' },
      open: { ...common, mode: 'none' },
      rpc: { ...common, mode: 'exchange', transport },
    };
    const tokenEndpoint = `${auth.origin}/oauth/token`;
    const self = { clientId: 'gateway', clientSecret: 'secret', trustDomain: 'example', dangerouslyAllowHttp: true };
    relay = new TokenRelay({ tokenEndpoint, ...self, destinations, ...(observer && { observer }) });
    client = new RelayHttpClient(relay);
  }
  async function stop(): Promise<void> {
    await client.onApplicationShutdown();
    await relay.onApplicationShutdown();
  }
  const get = (destination = 'peer', signal?: AbortSignal) =>
    runAs(context, async () => {
      const { body, statusCode } = await client.request(destination, { method: 'GET', path: '/', signal });
      await body.dump();
      return statusCode;
    });

  describe('of what calls carry', () => {
    it('is told that a token was fetched once, and then at hand', async () => {
      await get();
      await get();
      expect(credentials).toEqual([
        { destination: 'peer', mode: 'exchange', outcome: 'fetched', durationSeconds },
        { destination: 'peer', mode: 'exchange', outcome: 'cached', durationSeconds },
      ]);
      expect(grants).toEqual([{ grant: 'token_exchange', audience: 'peer', outcome: 'granted', durationSeconds }]);
    });

    it('is told of one request to the issuer for calls that wait for the same', async () => {
      await Promise.all([get(), get(), get()]);
      expect(credentials.map(({ outcome }) => outcome)).toEqual(['fetched', 'fetched', 'fetched']);
      expect(grants).toHaveLength(1);
    });

    it('is told of both tokens of a transaction', async () => {
      await get('inTransaction');
      const told = grants.map(({ grant, audience }) => `${grant} ${audience}`).sort();
      expect(told).toEqual(['client_credentials peer', 'transaction example']);
      expect(credentials).toMatchObject([{ destination: 'inTransaction', mode: 'transaction', outcome: 'fetched' }]);
    });

    it('is told that nothing had to be fetched where nothing is carried', async () => {
      await get('open');
      expect(credentials).toMatchObject([{ destination: 'open', mode: 'none', outcome: 'cached' }]);
      expect(grants).toEqual([]);
    });

    it.each([
      ['refuses', 400, 'refused', 'exchange_refused'],
      ['fails', 500, 'unavailable', 'exchange_unavailable'],
    ])('is told why there is nothing to carry: the issuer %s', async (_what, status, outcome, code) => {
      auth.answer = (response) => void response.writeHead(status).end('{"error":"invalid_request"}');
      await expect(get()).rejects.toMatchObject({ code });
      expect(credentials).toEqual([{ destination: 'peer', mode: 'exchange', outcome, code, durationSeconds }]);
      expect(grants).toEqual([{ grant: 'token_exchange', audience: 'peer', outcome, code, durationSeconds }]);
      expect(calls).toEqual([]);
    });

    it('is told that there is nobody to call for', async () => {
      const nobody = client.request('peer', { method: 'GET', path: '/' });
      await expect(nobody).rejects.toMatchObject({ code: 'token_missing' });
      expect(credentials).toMatchObject([{ outcome: 'refused', code: 'token_missing' }]);
    });
  });

  describe('of calls over HTTP', () => {
    it.each([200, 404, 503])('is told that the answer was %d', async (status) => {
      peer.answer = (response) => void response.writeHead(status).end();
      await get();
      expect(calls).toEqual([{ destination: 'peer', mode: 'exchange', outcome: 'answered', status, durationSeconds }]);
    });

    it('is told of both calls where the first token was refused', async () => {
      peer.answer = (response) => void response.writeHead(peer.requests.length === 1 ? 401 : 200).end();
      await get();
      expect(calls.map(({ status }) => status)).toEqual([401, 200]);
    });

    it('is told that nobody is there', async () => {
      await peer.stop();
      await expect(get()).rejects.toMatchObject({ code: 'upstream_unreachable' });
      expect(calls).toMatchObject([{ outcome: 'failed', code: 'upstream_unreachable' }]);
    });

    it('is told that it took too long', async () => {
      peer.answer = () => undefined;
      await expect(get()).rejects.toMatchObject({ code: 'upstream_timeout' });
      expect(calls).toMatchObject([{ outcome: 'failed', code: 'upstream_timeout' }]);
    });

    it('is told that the caller has gone, which is no failure', async () => {
      const controller = new AbortController();
      peer.answer = () => controller.abort();
      await expect(get('peer', controller.signal)).rejects.toThrow();
      expect(calls).toEqual([{ destination: 'peer', mode: 'exchange', outcome: 'abandoned', durationSeconds }]);
    });
  });

  describe('of calls over RPC', () => {
    const sending = (answers: Observable<unknown>): RelayClientProxy => {
      const rpc = { send: () => answers, emit: () => answers, close: () => undefined };
      return new RelayClientProxy(rpc as unknown as RpcClient, 'rpc', relay);
    };
    const send = (answers: Observable<unknown>) => runAs(context, () => sending(answers).send('ask', {}));
    const codeOf = (answers: Observable<unknown>): Promise<unknown> =>
      lastValueFrom(answers).then(
        () => 'none',
        ({ code }: { code?: unknown }) => code,
      );

    it('is told of the first of several answers, once', async () => {
      await lastValueFrom(send(of(1, 2, 3)));
      expect(calls).toEqual([{ destination: 'rpc', mode: 'exchange', outcome: 'answered', durationSeconds }]);
      expect(credentials).toMatchObject([{ destination: 'rpc', outcome: 'fetched' }]);
    });

    it('is told nothing more when whoever has an answer leaves', async () => {
      await firstValueFrom(send(of(1, 2)));
      expect(calls).toMatchObject([{ outcome: 'answered' }]);
    });

    it('is told the status of an error that the destination has answered', async () => {
      const refused = throwError(() => ({ status: 404, code: 'gone', error: 'invalid_request' }));
      await expect(lastValueFrom(send(refused))).rejects.toMatchObject({ status: 404 });
      expect(calls).toMatchObject([{ outcome: 'answered', status: 404 }]);
    });

    it.each<[string, Observable<unknown>]>([
      ['upstream_unreachable', throwError(() => new Error('ECONNREFUSED'))],
      ['upstream_timeout', NEVER],
      ['upstream_failed', throwError(() => 'no more than this')],
    ])('is told of %s', async (code, answers) => {
      expect(await codeOf(send(answers))).toBe(code);
      expect(calls).toEqual([{ destination: 'rpc', mode: 'exchange', outcome: 'failed', code, durationSeconds }]);
    });

    it('is told of an event that was sent', async () => {
      await lastValueFrom(
        runAs(context, () => sending(EMPTY).emit('happened', {})),
        { defaultValue: undefined },
      );
      expect(calls).toMatchObject([{ destination: 'rpc', outcome: 'answered' }]);
    });

    it('is told that the caller’s time is over, which is a failure, though a timer comes before its time', async () => {
      await firstValueFrom(send(of('for the token')));
      calls.length = 0;
      jest.spyOn(performance, 'now').mockReturnValue(performance.now());
      const answers = runAs(context, () => {
        const call = currentCall();
        if (call) call.deadline = performance.now() + 100;
        return sending(NEVER).send('ask', {});
      });
      expect(await codeOf(answers)).toBe('deadline_exceeded');
      const failure = { outcome: 'failed', code: 'deadline_exceeded', durationSeconds };
      expect(calls).toEqual([{ destination: 'rpc', mode: 'exchange', ...failure }]);
    });

    it('is told that nobody waits any more', async () => {
      const subscription = send(NEVER).subscribe();
      while (credentials.length === 0) await sleep(1);
      await sleep(10);
      subscription.unsubscribe();
      expect(calls).toMatchObject([{ outcome: 'abandoned' }]);
    });
  });

  it('is told how long all of it took, in seconds', async () => {
    for (const server of [auth, peer]) {
      const { answer } = server;
      server.answer = (...received) => void setTimeout(() => answer(...received), 60);
    }
    await get();
    for (const { durationSeconds: seconds } of [...credentials, ...grants, ...calls]) {
      expect(seconds).toBeGreaterThan(0.05);
      expect(seconds).toBeLessThan(5);
    }
    expect([credentials.length, grants.length, calls.length]).toEqual([1, 1, 1]);
  });

  it('breaks no call by what it throws', async () => {
    await stop();
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
    const fails = () => {
      throw new Error('no');
    };
    start({ credentials: fails, granted: fails, called: fails });
    expect(await get()).toBe(200);
    const options = { code: 'JWT_GUARD_OBSERVER' };
    for (const name of ['credentials', 'granted', 'called']) {
      expect(warned).toHaveBeenCalledWith(`The observer's ${name} failed: no`, options);
    }
  });

  it('is told nothing of the tokens', async () => {
    await get();
    await get('inTransaction');
    const told = JSON.stringify([credentials, grants, calls]);
    for (const { headers } of peer.requests) {
      for (const token of [headers.authorization, headers['txn-token']]) {
        if (token !== undefined) expect(told).not.toContain(String(token).replace('Bearer ', ''));
      }
    }
  });

  it('can be left out', async () => {
    await stop();
    start(undefined);
    expect(await get()).toBe(200);
  });
});
