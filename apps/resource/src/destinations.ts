/** Whom resource calls: audit, by a contract for each way in which it is called itself. */
declare module '@token-relay/jwt-guard' {
  interface RelayDestinations {
    audit: true;
    auditInTransaction: true;
  }
}

export type AuditDestination = 'audit' | 'auditInTransaction';
