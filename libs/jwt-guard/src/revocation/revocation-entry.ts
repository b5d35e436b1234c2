/**
 * What was revoked, as an issuer publishes it. Times are seconds since 1970-01-01T00:00:00Z; `until` is when the last
 * token that the entry concerns has expired, so that it may be forgotten.
 */
export type Revocation =
  /** One token (`jti`), and whatever was exchanged from it. */
  | { readonly kind: 'jti'; readonly value: string; readonly until: number }
  /** Every token of a session (`sid`). */
  | { readonly kind: 'sid'; readonly value: string; readonly until: number }
  /** Every token of a user (`sub`) whose `sub_epoch` is below `epoch`; one without that claim counts as 0. */
  | { readonly kind: 'sub'; readonly value: string; readonly epoch: number; readonly until: number }
  /** Every token of the issuer that was issued (`iat`) at `notBefore` or earlier. */
  | { readonly kind: 'all'; readonly notBefore: number; readonly until: number }
  /** Every token that was signed with a key. Never forgotten. */
  | { readonly kind: 'kid'; readonly value: string };

/** The issuer's keys are others now, for the `version`-th time. It revokes nothing, and is in no snapshot. */
export interface KeysChange {
  readonly kind: 'keys';
  readonly version: number;
}

/** What an issuer's stream of revocations is made of. */
export type RevocationEntry = Revocation | KeysChange;

export type RevocationKind = RevocationEntry['kind'];

/** How long what is revoked can be, in characters. */
export const MAX_REVOKED_LENGTH = 512;

/**
 * @returns the entry, and nothing that it holds besides
 * @throws TypeError for anything else: what can't be read can't be enforced, and must not be passed over
 */
export function parseRevocationEntry(value: unknown): RevocationEntry {
  const entry = (typeof value === 'object' ? value : undefined) as Partial<Record<string, unknown>> | undefined | null;
  switch (entry?.kind) {
    case 'jti':
    case 'sid':
      return { kind: entry.kind, value: name(entry.value), until: time('until', entry.until) };
    case 'sub':
      return {
        kind: 'sub',
        value: name(entry.value),
        epoch: time('epoch', entry.epoch),
        until: time('until', entry.until),
      };
    case 'all':
      return { kind: 'all', notBefore: time('notBefore', entry.notBefore), until: time('until', entry.until) };
    case 'kid':
      return { kind: 'kid', value: name(entry.value) };
    case 'keys':
      return { kind: 'keys', version: count('version', entry.version) };
    default:
      throw new TypeError('a revocation entry must be of the kind jti, sid, sub, all, kid or keys');
  }
}

function name(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_REVOKED_LENGTH) {
    throw new TypeError(`value of a revocation entry: must be a text of 1 to ${MAX_REVOKED_LENGTH} characters`);
  }
  return value;
}

function time(member: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TypeError(`${member} of a revocation entry: must be a number of 0 or more`);
  }
  return value;
}

function count(member: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw new TypeError(`${member} of a revocation entry: must be a whole number of 1 or more`);
  }
  return value as number;
}
