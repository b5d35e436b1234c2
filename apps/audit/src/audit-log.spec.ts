import { type Principal } from '@token-relay/jwt-guard';
import { createLogger } from '@token-relay/service-kit';
import { AuditLog, KEPT } from './audit-log';

describe('AuditLog', () => {
  const principal = {
    id: '1:i:alice',
    subject: 'alice',
    actor: ['resource', 'gateway'],
    tokenId: 't',
  } as unknown as Principal;
  const lines: string[] = [];
  const log = () =>
    new AuditLog(
      createLogger('audit', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, { write: (line) => void lines.push(line) }),
    );

  it('writes who did what for whom, with an id and a time', () => {
    const entry = log().record(principal, 'documents.create', 'd1');
    expect(entry).toMatchObject({
      action: 'documents.create',
      target: 'd1',
      principal: '1:i:alice',
      subject: 'alice',
      actor: ['resource', 'gateway'],
      tokenId: 't',
    });
    expect(JSON.parse(lines.pop() ?? '')).toMatchObject({ audit: entry });
  });

  it('lists the latest first, and no more than it keeps', () => {
    const audit = log();
    for (let i = 0; i <= KEPT; i++) audit.record(principal, 'a.b', `${i}`);
    expect(audit.latest(2).map(({ target }) => target)).toEqual([`${KEPT}`, `${KEPT - 1}`]);
    expect(audit.latest(KEPT + 1)).toHaveLength(KEPT);
    expect(audit.latest(KEPT + 1).at(-1)?.target).toBe('1');
  });
});
