import { type Principal } from '../core/principal';
import { TokenRejected } from '../core/refusals';

/** @throws TokenRejected `insufficient_scope`, `actor_not_allowed` */
export function authorize(
  principal: Principal,
  { scopes, actors }: { readonly scopes: readonly string[]; readonly actors: readonly string[] },
): void {
  if (!scopes.every((scope) => principal.scopes.includes(scope))) {
    throw new TokenRejected('insufficient_scope', { requiredScopes: scopes });
  }
  if (actors.length > 0 && !actors.includes(principal.actor[0] ?? '')) throw new TokenRejected('actor_not_allowed');
}
