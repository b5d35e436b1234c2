import { type ModulesContainer } from '@nestjs/core';

/** Where an app answers GraphQL: one route for all resolvers, which are guarded one by one. */
export interface GraphqlEndpoint {
  readonly path: string;
  /** Whether guards run for fields and references too (`fieldResolverEnhancers`). */
  readonly guardsFields: boolean;
}

interface GraphqlModule {
  readonly options?: { readonly path?: string; readonly fieldResolverEnhancers?: readonly string[] };
}

/** `undefined` for an app without `GraphQLModule` (@nestjs/graphql, which isn't loaded for this). */
export function graphqlEndpointOf(modules: ModulesContainer): GraphqlEndpoint | undefined {
  const module = [...modules.values()].find(({ metatype }) => metatype.name === 'GraphQLModule');
  if (!module) return undefined;
  const { options } = (module.instance ?? {}) as GraphqlModule;
  return {
    path: options?.path ?? '/graphql',
    guardsFields: options?.fieldResolverEnhancers?.includes('guards') ?? false,
  };
}
