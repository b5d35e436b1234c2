import { hasGuard } from '../handler-policy';
import { type GraphqlEndpoint } from './graphql-endpoint';
import { type FoundHandler } from './handlers';
import { type CensusRow } from './policy-census';
import { none, type RowMaker } from './row-maker';

const REMEDY = "Nest guards no fields and references: fieldResolverEnhancers: ['guards']";

/** Of resolvers: of queries and the like, of references, and of fields that ask for more than the query they are in. */
export function graphqlRows(
  handlers: readonly FoundHandler[],
  endpoints: readonly GraphqlEndpoint[],
  make: RowMaker,
): CensusRow[] {
  const guardsFields = endpoints.length > 0 && endpoints.every((endpoint) => endpoint.guardsFields);
  const { policies, guard, guardIsOwn } = make.rules;
  const pastNest = endpoints.flatMap((endpoint) => endpoint.pastNest.map((entry) => make.pastNest('graphql', entry)));
  const ofResolvers = handlers.flatMap((found) => {
    if (found.kind !== 'graphql') return [];
    const { controller, handler, type, name, isRoot } = found;
    const policy = policies.of(controller, handler);
    const asksForMore = policy.kind === 'token' && (policy.explicit || hasGuard(controller, handler, guard));
    // A field is reached through a query that is guarded; unless it is asked for by reference, or asks for more.
    if (!isRoot && type !== 'Reference' && policy.kind !== 'guard' && !asksForMore) return [];
    const row = make.handler('graphql', `${type} ${name}`, found, { guarded: true, remedy: REMEDY });
    // Not even by @UseGuards: whichever guard it is, Nest doesn't ask it.
    const isUnguarded = !isRoot && !guardsFields && row.policy !== 'public';
    return [isUnguarded && (policy.kind === 'guard' || guardIsOwn) ? none(row, REMEDY) : row];
  });
  return [...ofResolvers, ...pastNest];
}
