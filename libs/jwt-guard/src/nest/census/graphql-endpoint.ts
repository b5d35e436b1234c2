import { type ModulesContainer } from '@nestjs/core';
import { ROOTS } from './handlers';

/** Where an app answers GraphQL: one route for all resolvers, which are guarded one by one. */
export interface GraphqlEndpoint {
  readonly path: string;
  /** Whether guards run for fields and references too (`fieldResolverEnhancers`). */
  readonly guardsFields: boolean;
  /** Roots that the module was given resolvers for past Nest, as `Query secret`. */
  readonly pastNest: readonly string[];
}

interface GraphqlModule {
  readonly options?: {
    readonly path?: string;
    readonly fieldResolverEnhancers?: readonly string[];
    readonly resolvers?: unknown;
  };
  /** The same, with the global prefix where it counts; there before the route is. */
  readonly completeOptions?: { readonly path?: string };
}

/** None for an app without `GraphQLModule` (@nestjs/graphql, which isn't loaded for this). */
export function graphqlEndpointsOf(modules: ModulesContainer): GraphqlEndpoint[] {
  const found = [...modules.values()].filter(({ metatype }) => metatype.name === 'GraphQLModule');
  return found.map((module) => {
    const { options, completeOptions } = (module.instance ?? {}) as GraphqlModule;
    const path = completeOptions?.path ?? options?.path ?? '/graphql';
    return {
      path: path.replace(/^\/?/, '/'),
      guardsFields: options?.fieldResolverEnhancers?.includes('guards') ?? false,
      pastNest: rootsOf(options?.resolvers),
    };
  });
}

/** Of one map of resolvers, or of several. */
function rootsOf(resolvers: unknown): string[] {
  return [resolvers].flat(Infinity).flatMap((map) =>
    ROOTS.flatMap((root) => {
      const fields = (map as Readonly<Record<string, unknown>> | null | undefined)?.[root];
      return typeof fields === 'object' && fields !== null ? Object.keys(fields).map((name) => `${root} ${name}`) : [];
    }),
  );
}
