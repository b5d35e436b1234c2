import { type Principal } from '@token-relay/jwt-guard';
import { createLogger, StoreUnavailable } from '@token-relay/service-kit';
import { AuditLog } from './audit-log';
import { EmbeddedEntries } from './latest-entries';

const PRINCIPAL = {
  id: '1:i:alice',
  subject: 'alice',
  actor: ['resource', 'gateway'],
  tokenId: 't',
} as unknown as Principal;

describe('AuditLog', () => {
  let lines: string[];
  const logger = () =>
    createLogger('audit', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, { write: (line) => void lines.push(line) });

  beforeEach(() => {
    lines = [];
  });

  it('writes who did what for whom, with an id and a time', async () => {
    const entry = await new AuditLog(new EmbeddedEntries(), logger()).record(PRINCIPAL, 'documents.create', 'd1');
    expect(entry).toMatchObject({
      action: 'documents.create',
      target: 'd1',
      principal: '1:i:alice',
      subject: 'alice',
      actor: ['resource', 'gateway'],
      tokenId: 't',
    });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([expect.objectContaining({ audit: entry })]);
  });

  it('writes nothing of what could not be recorded', async () => {
    const away = { add: () => Promise.reject(new StoreUnavailable()), latest: () => Promise.resolve([]) };
    const audit = new AuditLog(away, logger());
    await expect(audit.record(PRINCIPAL, 'documents.create', 'd1')).rejects.toThrow(StoreUnavailable);
    expect(lines).toEqual([]);
  });
});
