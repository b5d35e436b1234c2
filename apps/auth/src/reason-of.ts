/** Why something has failed, for the log: what lies beneath an error that says no more than its caller may know. */
export function reasonOf(error: unknown): string {
  const { cause = error } = (error ?? {}) as { cause?: unknown };
  return cause instanceof Error ? cause.message : String(cause);
}
