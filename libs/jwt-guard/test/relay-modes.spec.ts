import { TestIssuer } from '@token-relay/testing';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  currentRelayContext,
  type DestinationContract,
  type RelayContext,
  relayContextFor,
  RelayHttpClient,
  type RelayOptions,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { CallState } from '../src/nest/call-state';
import { currentCall, runInContext } from '../src/relay/relay-context';
import { RelayIssuerPeer, RelayPeer } from './relay-peer';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type';

describe('a relay contract', () => {
  let issuer: TestIssuer;
  let auth: RelayIssuerPeer;
  let peer: RelayPeer;
  let relay: TokenRelay;
  let client: RelayHttpClient;
  let token: string;
  let context: RelayContext;

  beforeEach(async () => {
    issuer = await TestIssuer.create();
    [auth, peer] = await Promise.all([new RelayIssuerPeer().start(), new RelayPeer().start()]);
    token = await issuer.token();
    context = await contextOf(token);
  });
  afterEach(async () => {
    await client.onApplicationShutdown();
    await relay.onApplicationShutdown();
    await Promise.all([auth.stop(), peer.stop()]);
  });

  const verifier = () =>
    TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
    });
  const contextOf = (of: string) => relayContextFor(verifier(), of);

  function start(contracts: Record<string, Partial<DestinationContract>>, changed: Partial<RelayOptions> = {}): void {
    const defaults = { audience: 'peer', mode: 'exchange', scopes: ['a', 'b'], baseUrl: peer.origin } as const;
    relay = new TokenRelay({
      tokenEndpoint: `${auth.origin}/oauth/token`,
      clientId: 'gateway',
      clientSecret: 'secret',
      trustDomain: 'trust.example',
      dangerouslyAllowHttp: true,
      destinations: Object.fromEntries(
        Object.entries(contracts).map(([name, contract]) => [name, { ...defaults, ...contract }]),
      ),
      ...changed,
    });
    client = new RelayHttpClient(relay);
  }
  async function call(destination = 'peer', as: RelayContext = context) {
    const { body, statusCode, relayed } = await runAs(as, () =>
      client.request(destination, { method: 'GET', path: '/' }),
    );
    await body.dump();
    return { statusCode, relayed };
  }
  const received = () =>
    peer.requests.map(({ headers }) => ({ authorization: headers.authorization, 'txn-token': headers['txn-token'] }));

  describe('exchange', () => {
    it('carries a token for the destination, asked for once', async () => {
      start({ peer: {} });
      expect((await call()).relayed).toMatchObject({ destination: 'peer', mode: 'exchange', cached: false });
      expect((await call()).relayed).toMatchObject({ cached: true });
      expect(received()).toEqual(Array(2).fill({ authorization: 'Bearer exchanged-1', 'txn-token': undefined }));
      expect(auth.forms).toEqual([
        {
          grant_type: EXCHANGE,
          subject_token: token,
          subject_token_type: `${TYPE}:access_token`,
          requested_token_type: `${TYPE}:access_token`,
          audience: 'peer',
          scope: 'a b',
        },
      ]);
    });

    it('with maxAgeSeconds 0 asks for one each time', async () => {
      start({ peer: { maxAgeSeconds: 0 } });
      await call();
      await call();
      expect(received().map(({ authorization }) => authorization)).toEqual([
        'Bearer exchanged-1',
        'Bearer exchanged-2',
      ]);
    });

    it('with maxAgeSeconds uses one again until it is that old', async () => {
      start({ peer: { maxAgeSeconds: 20 } });
      const begun = performance.now();
      const clock = jest.spyOn(performance, 'now').mockReturnValue(begun);
      await call();
      clock.mockReturnValue(begun + 19_999);
      await call();
      expect(auth.forms).toHaveLength(1);
      clock.mockReturnValue(begun + 20_001);
      // The cache looks at the clock once a millisecond.
      await sleep(5);
      await call();
      clock.mockRestore();
      expect(auth.forms).toHaveLength(2);
    });
  });

  it('judges the age of a token by the contract that asks', async () => {
    start({ peer: {}, fresh: { maxAgeSeconds: 0 } });
    await call('peer');
    await call('fresh');
    expect((await call('peer')).relayed.cached).toBe(true);
    expect((await call('fresh')).relayed.cached).toBe(false);
    expect(auth.forms).toHaveLength(3);
  });

  describe('for a call of a transaction', () => {
    /** As the guard leaves it: the token of the service that calls, and the transaction's. */
    function inTransaction<Result>(run: () => Result): Result {
      const own = verifier();
      const call = new CallState({ verifier: own, extract: () => undefined, refuse: (refusal) => refusal });
      return runInContext(call, run);
    }
    async function admitted(run: () => Promise<unknown>): Promise<unknown> {
      return inTransaction(async () => {
        const call = currentCall() as CallState;
        call.admit({
          principal: await call.verifier.verify(token),
          token: 'of-the-service',
          transactionToken: 'txn-0',
        });
        return run();
      });
    }

    it.each(['exchange', 'forward'] as const)('%s calls nobody: neither token is one to go on with', async (mode) => {
      start({ peer: { mode, dangerouslyForward: true } });
      const calling = admitted(() => client.request('peer', { method: 'GET', path: '/' }));
      await expect(calling).rejects.toMatchObject({ code: 'relay_impossible', status: 503 });
      expect([auth.requests, peer.requests]).toEqual([[], []]);
    });

    it('transaction passes the token on as it is, beside one of this service', async () => {
      start({ peer: { mode: 'transaction' } });
      await admitted(async () => (await client.request('peer', { method: 'GET', path: '/' })).body.dump());
      expect(received()).toEqual([{ authorization: 'Bearer own-1', 'txn-token': 'txn-0' }]);
      expect(auth.forms).toHaveLength(1);
    });
  });

  describe('transaction', () => {
    const transaction = { peer: { mode: 'transaction' }, other: { mode: 'transaction', audience: 'other' } } as const;

    it('carries a token of the transaction, and one of this service that says who calls', async () => {
      start(transaction);
      await call();
      expect(received()).toEqual([
        {
          authorization: expect.stringMatching(/^Bearer own-\d$/) as string,
          'txn-token': expect.stringMatching(/^txn-\d$/) as string,
        },
      ]);
      expect(auth.forms).toHaveLength(2);
      expect(auth.forms).toContainEqual({ grant_type: 'client_credentials', audience: 'peer' });
      expect(auth.forms).toContainEqual({
        grant_type: EXCHANGE,
        subject_token: token,
        subject_token_type: `${TYPE}:access_token`,
        requested_token_type: `${TYPE}:txn_token`,
        audience: 'trust.example',
        scope: 'a b',
      });
    });

    it('begins one transaction a call, whatever it calls, and another for another call', async () => {
      start(transaction);
      await call('peer');
      await call('other');
      const another = await contextOf(token);
      await call('peer', another);
      const [first, second, third] = received();
      expect(second?.['txn-token']).toBe(first?.['txn-token']);
      expect(second?.authorization).not.toBe(first?.authorization);
      expect(third?.['txn-token']).not.toBe(first?.['txn-token']);
      expect(third?.authorization).toBe(first?.authorization);
    });

    it('says of the transaction what it is asked to', async () => {
      start(transaction);
      const request = { details: { method: 'POST', 'ü&=': [1] }, context: { req_ip: '192.0.2.1' } };
      await runAs(context, () => relay.relayHeaders('peer', { transaction: request }));
      const [minted] = auth.forms.filter(({ requested_token_type: type }) => type !== undefined);
      expect(JSON.parse(minted?.request_details ?? '')).toEqual(request.details);
      expect(JSON.parse(minted?.request_context ?? '')).toEqual(request.context);
    });

    it('renews both tokens when the destination refuses them', async () => {
      start(transaction);
      peer.answer = (response) => void response.writeHead(peer.requests.length === 1 ? 401 : 200).end();
      expect((await call()).statusCode).toBe(200);
      const [first, second] = received();
      expect(second?.authorization).not.toBe(first?.authorization);
      expect(second?.['txn-token']).not.toBe(first?.['txn-token']);
    });

    it('begins another when the first has expired', async () => {
      start(transaction);
      auth.expiresIn = 60;
      const begun = performance.now();
      const clock = jest.spyOn(performance, 'now').mockReturnValue(begun);
      await call();
      clock.mockReturnValue(begun + 59_999);
      await call();
      clock.mockReturnValue(begun + 60_001);
      await sleep(5);
      await call();
      clock.mockRestore();
      const [first, second, third] = received().map(({ 'txn-token': txn }) => txn);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
    });

    it('forgets both tokens where a stream was refused, which can not be sent again', async () => {
      start(transaction);
      peer.answer = (response) => void response.writeHead(401).end();
      const post = () => client.request('peer', { method: 'POST', path: '/', body: Readable.from([Buffer.from('x')]) });
      await expect(runAs(context, post)).rejects.toMatchObject({ code: 'relay_token_refused' });
      peer.answer = (response) => void response.end();
      await call();
      const [first, second] = received();
      expect(second?.authorization).not.toBe(first?.authorization);
      expect(second?.['txn-token']).not.toBe(first?.['txn-token']);
    });

    it('leaves no rejection to nobody where there is nobody, and no token for this service either', async () => {
      start(transaction);
      const unhandled: unknown[] = [];
      const note = (reason: unknown): void => void unhandled.push(reason);
      process.on('unhandledRejection', note);
      auth.answer = (response) => void response.writeHead(503).end('{}');
      await expect(client.request('peer', { method: 'GET', path: '/' })).rejects.toMatchObject({
        code: 'token_missing',
      });
      await sleep(50);
      process.off('unhandledRejection', note);
      expect(unhandled).toEqual([]);
    });

    it.each([
      ['details', { details: { text: 'x'.repeat(4_096) } }],
      ['context', { context: { text: 'x'.repeat(4_096) } }],
    ])('takes no %s that the issuer would refuse', async (_what, request) => {
      start(transaction);
      await expect(runAs(context, () => relay.relayHeaders('peer', { transaction: request }))).rejects.toThrow(
        TypeError,
      );
    });

    it('takes an access token in its place for none', async () => {
      start(transaction);
      const { answer } = auth;
      auth.answer = (response, request, raw) => {
        if (!request.body.includes('txn_token')) return answer(response, request, raw);
        response.end(JSON.stringify({ access_token: 'x', token_type: 'Bearer', expires_in: 60 }));
      };
      await expect(call()).rejects.toMatchObject({ code: 'exchange_unavailable' });
      expect(peer.requests).toEqual([]);
    });
  });

  describe('forward', () => {
    it("carries the caller's token, and asks nobody", async () => {
      start({ peer: { mode: 'forward', scopes: [], dangerouslyForward: true } });
      expect((await call()).relayed).toMatchObject({ mode: 'forward', cached: true });
      expect(received()).toEqual([{ authorization: `Bearer ${token}`, 'txn-token': undefined }]);
      expect(auth.requests).toEqual([]);
    });

    it('does so no longer than the token counts', async () => {
      start({ peer: { mode: 'forward', scopes: [], dangerouslyForward: true } });
      issuer.clock.advance(304);
      await call();
      issuer.clock.advance(1);
      await expect(call()).rejects.toMatchObject({ code: 'token_expired' });
      expect(peer.requests).toHaveLength(1);
    });
  });

  it('forward sends nothing twice: there is no other token', async () => {
    start({ peer: { mode: 'forward', scopes: [], dangerouslyForward: true } });
    peer.answer = (response) => void response.writeHead(401).end();
    await expect(call()).rejects.toMatchObject({ code: 'relay_token_refused' });
    expect(peer.requests).toHaveLength(1);
  });

  it('asks the issuer for no more tokens for a destination that refuses each', async () => {
    start({ peer: {} });
    peer.answer = (response) => void response.writeHead(401).end();
    for (let i = 0; i < 5; i++) await expect(call()).rejects.toMatchObject({ code: 'relay_token_refused' });
    expect(auth.forms).toHaveLength(2);
    expect(peer.requests).toHaveLength(6);
    // What becomes of one caller says nothing of the others.
    const another = await contextOf(await issuer.token({ jti: 'another' }));
    await expect(call('peer', another)).rejects.toMatchObject({ code: 'relay_token_refused' });
    expect(auth.forms).toHaveLength(4);
  });

  describe('none', () => {
    it('carries no token, for a caller or without one', async () => {
      start({ peer: { mode: 'none', scopes: [] } });
      await call();
      const { body } = await client.request('peer', {
        method: 'GET',
        path: '/',
        headers: { Authorization: 'Bearer x' },
      });
      await body.dump();
      expect(received()).toEqual(Array(2).fill({ authorization: undefined, 'txn-token': undefined }));
      expect(auth.requests).toEqual([]);
    });

    it("gives its caller a destination's 401", async () => {
      start({ peer: { mode: 'none', scopes: [] } });
      peer.answer = (response) => void response.writeHead(401).end();
      expect((await call()).statusCode).toBe(401);
      expect(peer.requests).toHaveLength(1);
    });
  });

  it.each(['exchange', 'transaction'] as const)('%s relays nobody where there is nobody', async (mode) => {
    start({ peer: { mode } });
    await expect(client.request('peer', { method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'token_missing' });
    expect(peer.requests).toEqual([]);
  });

  it.each(['exchange', 'transaction'] as const)(
    '%s calls for this service itself, if that is what is said',
    async (mode) => {
      start({ peer: { mode } });
      const asService = () => relay.runAsService(() => client.request('peer', { method: 'GET', path: '/' }));
      for (const answer of [await asService(), await runAs(context, asService)]) await answer.body.dump();
      expect(received()).toEqual(Array(2).fill({ authorization: 'Bearer own-1', 'txn-token': undefined }));
      // Of what it may do itself, no more than the contract has; beside a transaction token it only says who calls.
      const scope = mode === 'exchange' ? { scope: 'a b' } : {};
      expect(auth.forms).toEqual([{ grant_type: 'client_credentials', audience: 'peer', ...scope }]);
    },
  );

  it('forward never calls for this service itself', async () => {
    start({ peer: { mode: 'forward', scopes: [], dangerouslyForward: true } });
    const asService = () => relay.runAsService(() => client.request('peer', { method: 'GET', path: '/' }));
    await expect(runAs(context, asService)).rejects.toMatchObject({ code: 'token_missing' });
  });

  it('authenticates by an assertion, made anew for each request, in place of a secret', async () => {
    let made = 0;
    start(
      { peer: {} },
      {
        clientSecret: undefined,
        clientAssertion: () => Promise.resolve(`assertion-${++made}`),
      },
    );
    await call();
    await call('peer', await contextOf(await issuer.token({ jti: 'another' })));
    expect(auth.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    expect(auth.forms.map((form) => [form.client_id, form.client_assertion, form.client_assertion_type])).toEqual([
      ['gateway', 'assertion-1', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
      ['gateway', 'assertion-2', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
    ]);
  });

  it('is reported with the times that it took', async () => {
    start({ peer: {} });
    await call();
    const { relayed } = runAs(context, () => currentRelayContext()) ?? { relayed: [] };
    expect(relayed).toEqual([
      {
        destination: 'peer',
        mode: 'exchange',
        cached: false,
        exchangedInMs: expect.any(Number) as number,
        answeredInMs: expect.any(Number) as number,
      },
    ]);
  });

  it.each([
    ['an unknown mode', { mode: 'trust' }, {}],
    ['forward, unless somebody says that it is dangerous', { mode: 'forward' }, {}],
    ['an exchange without scopes', { scopes: [] }, {}],
    ['a transaction without scopes', { mode: 'transaction', scopes: [] }, {}],
    ['a transaction without a trust domain', { mode: 'transaction' }, { trustDomain: undefined }],
    ['an age below nothing', { maxAgeSeconds: -1 }, {}],
    ['an age that is no number', { maxAgeSeconds: NaN }, {}],
    ['no time', { timeoutMs: 0 }, {}],
    ['a secret and an assertion', {}, { clientAssertion: () => 'x' }],
    ['neither a secret nor an assertion', {}, { clientSecret: undefined }],
    ['no issuer', {}, { tokenEndpoint: undefined }],
    ['no client', {}, { clientId: '' }],
  ])('is not made with %s', (_what, contract, options) => {
    start({ peer: {} });
    const before = [relay, client] as const;
    expect(() => start({ peer: contract as never }, options as never)).toThrow(TypeError);
    [relay, client] = before;
  });

  it.each(['forward', 'none'] as const)('of mode %s needs no issuer', (mode) => {
    const contract = { mode, scopes: [], dangerouslyForward: true };
    const nobody = { tokenEndpoint: undefined, clientId: undefined, clientSecret: undefined, trustDomain: undefined };
    expect(() => start({ peer: contract }, nobody as never)).not.toThrow();
  });
});
