import { hostileTokens, legitimateTokens, TestIssuer } from '@token-relay/testing';
import { type JwtGuardOptions } from '../../src';
import { type HandlerName, type Seen } from './handlers';

/** What a caller gets, however its transport says it. */
export type Outcome =
  | { readonly seen: Seen }
  | {
      readonly status: number;
      readonly code: string;
      /** `error` of RFC 6750, or of `RpcRefusal`; `null` where there is none. */
      readonly error: string | null;
      readonly description: string | null;
      readonly transactionId: string | null;
    }
  /** Nest's own words for what a handler throws. */
  | { readonly failed: unknown };

/** Of the object that a caller gets over RPC, and over a WebSocket; without a code it is Nest's. */
export function refusalOf(data: unknown): Outcome {
  const { code, status, error, error_description: description, transactionId } = data as Record<string, unknown>;
  if (typeof code !== 'string') return { failed: data };
  return {
    status: status as number,
    code,
    error: error as string,
    description: description as string,
    transactionId: transactionId as string,
  };
}

/** An app on one transport, and a client of it. */
export interface Subject {
  /** Calls a handler with these tokens: none, one, or – which nobody may – two. */
  call(handler: HandlerName, ...tokens: string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

export interface Transport {
  readonly name: string;
  start(options: JwtGuardOptions): Promise<Subject>;
  /** What a caller gets when a handler throws, in Nest's own words. */
  readonly thrown: unknown;
  /** `error` of a call without a token: RFC 6750 has none, an RPC refusal always one. */
  readonly errorWithoutToken: string | null;
  /** How many calls are interleaved: 10,000 on each transport; less where the relay's tests have them, or others here. */
  readonly interleaved: number;
}

/** What holds on every transport: one guard, one verdict, one principal. */
export function describeTransport(transport: Transport): void {
  describe(`a guarded app on ${transport.name}`, () => {
    let issuer: TestIssuer;
    let subject: Subject;
    let revoked: Set<string>;
    let outage: boolean;

    beforeAll(async () => {
      issuer = await TestIssuer.create();
      revoked = new Set();
      outage = false;
      subject = await transport.start({
        issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
        now: issuer.clock.now,
        revocation: {
          isRevoked: ({ tokenId }) => {
            if (outage) throw new Error('connection lost');
            return revoked.has(tokenId ?? '');
          },
        },
      });
    }, 90_000);
    afterAll(() => subject.stop());

    const refusal = (status: number, code: string, error: string | null) => ({
      status,
      code,
      error,
      description: expect.any(String) as string,
      transactionId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
    const seen = (overrides: Partial<Seen> = {}) => ({
      seen: {
        subject: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
        tokenId: 'token-1',
        transactionId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
        ...overrides,
      },
    });

    it('asks for a token where nothing is said', async () => {
      expect(await subject.call('undecorated')).toEqual(refusal(401, 'token_missing', transport.errorWithoutToken));
      expect(await subject.call('undecorated', await issuer.token())).toEqual(seen());
    });

    it('opens what is public, and knows nobody there', async () => {
      expect(await subject.call('open')).toEqual(seen({ subject: null, tokenId: null }));
      expect(await subject.call('open', await issuer.token())).toEqual(seen({ subject: null, tokenId: null }));
    });

    it('asks for all scopes', async () => {
      expect(await subject.call('scoped', await issuer.token())).toEqual(seen());
      const tooFew = await issuer.token({ scope: 'documents:read' });
      expect(await subject.call('scoped', tooFew)).toEqual(refusal(403, 'insufficient_scope', 'insufficient_scope'));
      const none = await issuer.token({ scope: undefined });
      expect(await subject.call('scoped', none)).toEqual(refusal(403, 'insufficient_scope', 'insufficient_scope'));
    });

    it('asks for the actor', async () => {
      expect(await subject.call('acted', await issuer.token({ act: { sub: 'gateway' } }))).toEqual(seen());
      const inside = await issuer.token({ act: { sub: 'x', act: { sub: 'gateway' } } });
      expect(await subject.call('acted', inside)).toEqual(refusal(403, 'actor_not_allowed', 'insufficient_scope'));
      expect(await subject.call('acted', await issuer.token())).toEqual(
        refusal(403, 'actor_not_allowed', 'insufficient_scope'),
      );
    });

    it('takes one token, and not two', async () => {
      const token = await issuer.token();
      expect(await subject.call('undecorated', token, token)).toMatchObject({
        status: 400,
        code: expect.stringMatching(/^(authorization|token)_repeated$/) as string,
        error: 'invalid_request',
      });
    });

    it('tells what was revoked from what can not be told', async () => {
      const token = await issuer.token({ jti: 'revoked-later' });
      expect(await subject.call('undecorated', token)).toEqual(seen({ tokenId: 'revoked-later' }));
      revoked.add('revoked-later');
      expect(await subject.call('undecorated', token)).toEqual(refusal(401, 'token_revoked', 'invalid_token'));
      outage = true;
      try {
        expect(await subject.call('undecorated', await issuer.token())).toMatchObject({
          status: 503,
          code: 'revocation_unavailable',
        });
      } finally {
        outage = false;
      }
      expect(await subject.call('undecorated', await issuer.token())).toEqual(seen());
    });

    it('leaves what a handler throws to Nest', async () => {
      expect(await subject.call('throwing', await issuer.token())).toEqual({ failed: transport.thrown });
    });

    it('refuses every hostile token that can be sent, and says why', async () => {
      const hostile = (await hostileTokens(issuer)).filter(({ sendable }) => sendable);
      expect(hostile.length).toBeGreaterThan(250);
      for (const batch of batches(hostile, 20)) {
        const outcomes = await Promise.all(batch.map(({ token }) => subject.call('undecorated', token)));
        expect(outcomes.map((outcome, i) => ({ name: batch[i]?.name, ...outcome }))).toEqual(
          batch.map(({ name, code }) => ({ name, ...refusal(401, code, 'invalid_token') })),
        );
      }
    });

    it('lets every legitimate token in', async () => {
      const legitimate = legitimateTokens(issuer);
      expect(legitimate.length).toBeGreaterThan(40);
      for (const batch of batches(legitimate, 20)) {
        const outcomes = await Promise.all(batch.map(({ token }) => subject.call('undecorated', token)));
        expect(outcomes.map((outcome, i) => ({ name: batch[i]?.name, seen: 'seen' in outcome }))).toEqual(
          batch.map(({ name }) => ({ name, seen: true })),
        );
      }
    });

    it(`never mixes ${transport.interleaved} interleaved calls`, async () => {
      const ids = Array.from({ length: transport.interleaved }, (_, i) => `interleaved-${i}`);
      const tokens = await Promise.all(ids.map((jti) => issuer.token({ jti })));
      const transactions = new Set<string>();
      for (const batch of batches(ids, 500)) {
        const first = ids.indexOf(batch[0] ?? '');
        const outcomes = await Promise.all(batch.map((_, i) => subject.call('undecorated', tokens[first + i] ?? '')));
        expect(outcomes.map((outcome) => 'seen' in outcome && outcome.seen.tokenId)).toEqual(batch);
        for (const outcome of outcomes) if ('seen' in outcome) transactions.add(outcome.seen.transactionId ?? '');
      }
      expect(transactions.size).toBe(ids.length);
    }, 120_000);
  });
}

function batches<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
