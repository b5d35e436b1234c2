import { VerifierUnavailable } from './refusals';

/** How far a source of revocations may be behind, in seconds, before anything is refused for it. */
export const STALENESS_BOUND_SECONDS = 10;
/** How long past the bound, in seconds, everything goes on that isn't safe, where nothing else is said. */
export const STALENESS_GRACE_SECONDS = 60;
/** The most that `allowForSeconds` may be: as long as most access tokens live at the longest. */
const MOST_ALLOWED_SECONDS = 900;

/**
 * What becomes of a call while its revocation source is further behind than `STALENESS_BOUND_SECONDS`: it goes on for
 * some time more (`allowForSeconds`, 0 to 900), or it is denied.
 *
 * Without a rule, what changes nothing – GET, HEAD, OPTIONS, a GraphQL query – goes on for as long as its token lasts,
 * and everything else for `STALENESS_GRACE_SECONDS`.
 */
export type WhenStaleRule = 'deny' | { readonly allowForSeconds: number };

/**
 * @param where whose rule it is, for the message
 * @returns the rule, frozen
 * @throws TypeError for what is none
 */
export function staleRule(where: string, rule: WhenStaleRule): WhenStaleRule {
  if (rule === 'deny') return rule;
  const seconds: unknown = (rule as { readonly allowForSeconds?: unknown } | null | undefined)?.allowForSeconds;
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MOST_ALLOWED_SECONDS)) {
    throw new TypeError(`${where}: must be 'deny' or { allowForSeconds: 0 to ${MOST_ALLOWED_SECONDS} }`);
  }
  return Object.freeze({ allowForSeconds: seconds });
}

/** How far behind the source may be for a call with this rule, in seconds. */
export function stalenessLimit(rule: WhenStaleRule): number {
  return STALENESS_BOUND_SECONDS + (rule === 'deny' ? 0 : rule.allowForSeconds);
}

/**
 * @param ageSeconds how far the source is behind
 * @param rule of the handler that is called, if it has one
 * @param isSafe whether the call changes nothing
 * @throws VerifierUnavailable `revocation_stale`
 */
export function checkStaleness(ageSeconds: number, rule: WhenStaleRule | undefined, isSafe: boolean): void {
  const limit = rule === undefined ? defaultLimit(isSafe) : stalenessLimit(rule);
  // So that an age that is no number is too old.
  if (!(ageSeconds <= limit)) {
    throw new VerifierUnavailable('revocation_stale', { debug: `${Math.floor(ageSeconds)} s behind` });
  }
}

function defaultLimit(isSafe: boolean): number {
  return isSafe ? Infinity : STALENESS_BOUND_SECONDS + STALENESS_GRACE_SECONDS;
}
