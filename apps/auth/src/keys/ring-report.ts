import { type Ring, type RingEvent, type RingKey } from './key-ring';

type KeyReport = Omit<RingKey, 'jwks' | `${string}At`> & Partial<Record<TimeName, string>>;
type TimeName = 'publishedAt' | 'activatedAt' | 'deactivatedAt' | 'removedAt';

/** The ring as its operator may see it: no key, and times in words. */
export interface RingReport {
  readonly version: number;
  readonly keys: readonly KeyReport[];
  readonly rotation?: { readonly kid: string; readonly dueAt: string };
  readonly history: readonly (Omit<RingEvent, 'at'> & { readonly at: string })[];
}

export function reportOf({ version, keys, rotation, history }: Ring): RingReport {
  return {
    version,
    keys: keys.map(keyReport),
    ...(rotation && { rotation: { kid: rotation.kid, dueAt: text(rotation.dueAt) } }),
    history: history.map((event) => ({ ...event, at: text(event.at) })),
  };
}

function keyReport({ kid, algorithm, state, publishedAt, activatedAt, deactivatedAt, removedAt }: RingKey): KeyReport {
  return {
    kid,
    algorithm,
    state,
    publishedAt: text(publishedAt),
    ...(activatedAt !== undefined && { activatedAt: text(activatedAt) }),
    ...(deactivatedAt !== undefined && { deactivatedAt: text(deactivatedAt) }),
    ...(removedAt !== undefined && { removedAt: text(removedAt) }),
  };
}

function text(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
