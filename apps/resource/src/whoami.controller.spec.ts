import { type DecisionTrace, type Principal } from '@token-relay/jwt-guard';
import { type ExplainedCalls, type Hop } from '@token-relay/service-kit';
import { type AuditClient } from './audit.client';
import { WhoamiController } from './whoami.controller';

const PRINCIPAL = {
  audience: 'resource',
  subject: 'alice',
  actor: ['gateway'],
  scopes: [],
  keyId: 'k',
  algorithm: 'ES256',
  expiresAt: 1_800_000_000,
} as unknown as Principal;
const TRACE = { outcome: 'accepted' } as DecisionTrace;

describe('whoami', () => {
  const asked: boolean[] = [];
  const audit = {
    whoami: (explain: boolean) => {
      asked.push(explain);
      return Promise.resolve({ hops: [{ service: 'audit' } as Hop] });
    },
  } as unknown as AuditClient;
  const controller = (traced: { readonly trace?: DecisionTrace }) =>
    new WhoamiController(audit, { traceOf: () => Promise.resolve(traced) } as unknown as ExplainedCalls);

  beforeEach(() => asked.splice(0));

  it.each([undefined, '0', 'true'])('says nothing of why it took the token when it is asked %s', async (explain) => {
    const { hops } = await controller({ trace: TRACE }).whoami(PRINCIPAL, explain);
    expect(hops).toEqual([expect.objectContaining({ service: 'resource', subject: 'alice' }), { service: 'audit' }]);
    expect(hops[0]).not.toHaveProperty('trace');
    expect(asked).toEqual([false]);
  });

  it('says it when it is asked to, and asks audit the same', async () => {
    const { hops } = await controller({ trace: TRACE }).whoami(PRINCIPAL, '1');
    expect(hops[0]).toMatchObject({ service: 'resource', trace: TRACE });
    expect(asked).toEqual([true]);
  });

  it('can be asked in vain', async () => {
    const { hops } = await controller({}).whoami(PRINCIPAL, '1');
    expect(hops[0]).not.toHaveProperty('trace');
  });
});
