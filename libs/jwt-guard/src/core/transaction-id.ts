/** What names a transaction may have: nothing that could break a log line or a header. */
export function isTransactionId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(value);
}
