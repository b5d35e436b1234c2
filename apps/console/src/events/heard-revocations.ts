import { type ConsoleEvents } from '../api/types';

export interface HeardRevocation {
  readonly kind: string;
  readonly id: string;
  readonly at: Date;
  /** Milliseconds until each service had heard of it, after the first one that had. */
  readonly heard: Readonly<Record<string, number>>;
}

const KEPT = 20;

/** With what a further event says of the same revocation put to it: services hear one after the other. */
export function withRevocation(
  known: readonly HeardRevocation[],
  { kind, id, heard }: ConsoleEvents['revoked'],
  at: Date,
): readonly HeardRevocation[] {
  const before = known.find((each) => each.kind === kind && each.id === id);
  if (!before) return [{ kind, id, heard, at }, ...known].slice(0, KEPT);
  return known.map((each) => (each === before ? { ...each, heard: { ...each.heard, ...heard } } : each));
}
