import { type ConsoleEvents } from '../api/types';
import { type Account } from '../page/account';

export interface HeardRevocation {
  readonly kind: string;
  readonly id: string;
  readonly at: Date;
  /** Milliseconds until each service had heard of it, after the first one that had. */
  readonly heard: Readonly<Record<string, number>>;
}

const KEPT = 20;

/** Whether it may be of this user's session: the event has no more than the first characters. */
export function isOwn(
  { kind, id }: Pick<ConsoleEvents['revoked'], 'kind' | 'id'>,
  account: Pick<Account, 'subject' | 'session'> | undefined,
): boolean {
  if (kind === 'all') return account !== undefined;
  const own = kind === 'sid' ? account?.session : kind === 'sub' ? account?.subject : undefined;
  return own?.startsWith(id) ?? false;
}

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
