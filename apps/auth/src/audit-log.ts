/** The log itself, for lines that are read by programs: Nest's would make a text of what is in them. */
export const AUDIT_LOG = Symbol('audit-log');

export interface AuditLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}
