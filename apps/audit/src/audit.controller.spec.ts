import { type DecisionTrace, type Principal } from '@token-relay/jwt-guard';
import { type ExplainedCalls } from '@token-relay/service-kit';
import { type AuditLog } from './audit-log';
import { AuditController } from './audit.controller';

const PRINCIPAL = {
  audience: 'audit',
  subject: 'alice',
  actor: ['resource', 'gateway'],
  scopes: [],
  keyId: 'k',
  algorithm: 'ES256',
  expiresAt: 1_800_000_000,
} as unknown as Principal;
const TRACE = { outcome: 'accepted' } as DecisionTrace;

describe('audit.whoami', () => {
  const explained = { traceOf: () => Promise.resolve({ trace: TRACE }) } as unknown as ExplainedCalls;
  const controller = new AuditController({} as AuditLog, explained);

  it('says why it took the token only when it is asked to', async () => {
    const plain = await controller.whoami({ explain: false }, PRINCIPAL);
    expect(plain.hops).toEqual([expect.objectContaining({ service: 'audit', actor: ['resource', 'gateway'] })]);
    expect(plain.hops[0]).not.toHaveProperty('trace');
    const { hops } = await controller.whoami({ explain: true }, PRINCIPAL);
    expect(hops).toEqual([expect.objectContaining({ service: 'audit', trace: TRACE })]);
  });
});
