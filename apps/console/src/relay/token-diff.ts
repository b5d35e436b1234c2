import { inWords, timeOf } from '../words/time-words';
import { type TokenFacts } from './token-facts';

/** One thing of a token, and what became of it in the next one. */
export interface TokenChange {
  readonly what: 'audience' | 'scopes' | 'act' | 'lifetime' | 'kid';
  readonly label: string;
  readonly before: string;
  readonly after: string;
  readonly isChanged: boolean;
  /** What it means, for whoever sees no colours. */
  readonly words: string;
}

/** What one service got, beside what the next one got for the same user. */
export function diffTokens(before: TokenFacts, after: TokenFacts): readonly TokenChange[] {
  return [
    audience(before, after),
    scopes(before, after),
    actors(before, after),
    lifetime(before, after),
    kid(before, after),
  ];
}

/** Whether it is one token that both have got. */
export function isSameToken(before: TokenFacts, after: TokenFacts): boolean {
  if (before.id !== undefined || after.id !== undefined) return before.id === after.id;
  return diffTokens(before, after).every(({ isChanged }) => !isChanged) && before.txn === after.txn;
}

function audience({ audience: before }: TokenFacts, { audience: after }: TokenFacts): TokenChange {
  const isChanged = before !== after;
  return {
    what: 'audience',
    label: 'Audience (aud)',
    before,
    after,
    isChanged,
    words: isChanged ? `Changed: good at ${after} alone, and no more at ${before}.` : `Unchanged: still for ${before}.`,
  };
}

function scopes({ scopes: before }: TokenFacts, { scopes: after }: TokenFacts): TokenChange {
  const lost = without(before, after);
  const gained = without(after, before);
  const parts = [
    ...(lost.length > 0 ? [`without ${lost.join(', ')}`] : []),
    ...(gained.length > 0 ? [`with ${gained.join(', ')} in addition`] : []),
  ];
  const kind = gained.length > 0 ? 'Changed' : 'Narrowed';
  return {
    what: 'scopes',
    label: 'Scopes (scope)',
    before: listed(before),
    after: listed(after),
    isChanged: parts.length > 0,
    words: parts.length > 0 ? `${kind}: ${parts.join(', ')}.` : 'Unchanged: it may do the same.',
  };
}

function actors({ actors: before }: TokenFacts, { actors: after, txn }: TokenFacts): TokenChange {
  const isChanged = before.join() !== after.join();
  return {
    what: 'act',
    label: 'Who acts (act)',
    before: listed(before),
    after: listed(after),
    isChanged,
    words: actorWords(before, after, txn !== undefined),
  };
}

function actorWords(before: readonly string[], after: readonly string[], isOfTransaction: boolean): string {
  const isChanged = before.join() !== after.join();
  if (!isChanged && after.length === 0) return 'Unchanged: nobody is said to act for the user.';
  if (!isChanged) return 'Unchanged: the same services act for the user.';
  if (after.length === 0) return `Changed: it no longer says that ${before.join(', ')} acts for the user.`;
  const gained = without(after, before);
  const lost = without(before, after);
  const added = gained.length > 0 ? `now ${gained.join(', ')} acts for the user` : 'in another order';
  if (lost.length === 0) return `Changed: ${added}.`;
  // Each hop knows the one before it; who began is in the transaction token, as `req_wl`.
  if (isOfTransaction) return `Changed: ${added}, alone: the transaction itself names the service that began it.`;
  return `Changed: ${added}, and ${lost.join(', ')} isn’t named any more.`;
}

function lifetime(before: TokenFacts, after: TokenFacts): TokenChange {
  const seconds = (Date.parse(after.expiresAt) - Date.parse(before.expiresAt)) / 1_000;
  const [had, has] = [before.lifetimeSeconds, after.lifetimeSeconds];
  const isChanged = seconds !== 0 || (had !== undefined && has !== undefined && had !== has);
  const ends = seconds < 0 ? `ends ${inWords(-seconds)} earlier` : `ends ${inWords(seconds)} later`;
  const what = after.txn === undefined ? '' : 'the transaction ';
  return {
    what: 'lifetime',
    label: 'Lifetime (iat to exp)',
    before: lifetimeOf(before),
    after: lifetimeOf(after),
    isChanged,
    words: isChanged
      ? `Changed: ${what}${seconds === 0 ? 'ends at the same time, issued at another' : ends}.`
      : `Unchanged: ${what}ends at the same time.`,
  };
}

function kid({ kid: before }: TokenFacts, { kid: after }: TokenFacts): TokenChange {
  const isChanged = before !== after;
  return {
    what: 'kid',
    label: 'Key (kid)',
    before: shortKid(before),
    after: shortKid(after),
    isChanged,
    words: isChanged ? 'Changed: signed with another key of the ring.' : 'Unchanged: signed with the same key.',
  };
}

/** Enough of a thumbprint to tell the keys of a ring apart. */
export function shortKid(kid: string): string {
  return kid.length > 10 ? `${kid.slice(0, 8)}…` : kid;
}

export function listed(values: readonly string[]): string {
  return values.length > 0 ? values.join(', ') : 'none';
}

function lifetimeOf({ lifetimeSeconds, expiresAt }: TokenFacts): string {
  const until = `until ${timeOf(new Date(expiresAt))}`;
  return lifetimeSeconds === undefined ? until : `${inWords(lifetimeSeconds)}, ${until}`;
}

function without(values: readonly string[], others: readonly string[]): string[] {
  return values.filter((value) => !others.includes(value));
}
