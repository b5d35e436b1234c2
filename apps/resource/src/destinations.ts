/**
 * Whom resource calls: audit, by a contract for each way in which it is called itself, and by one for what it asks for
 * itself.
 */
declare module '@token-relay/jwt-guard' {
  interface RelayDestinations {
    audit: true;
    auditInTransaction: true;
    auditForItself: true;
  }
}

export type AuditDestination = 'audit' | 'auditInTransaction' | 'auditForItself';
