import { type ExecutionContext } from '@nestjs/common';
import { TokenRejected } from '../core/refusals';
import { currentCall } from '../relay/relay-context';
import { type CallState, httpRequestOf, stateOf } from './call-state';
import { graphqlRequestOf } from './graphql-request';

/** The kinds of context that are known here: whoever adds one says how its calls are authenticated. */
export type CallKind = 'http' | 'graphql' | 'rpc' | 'ws';

/** @throws TokenRejected `context_not_supported` for a kind of context that nobody here knows how to guard */
export function kindOf(context: ExecutionContext): CallKind {
  const type = context.getType<string>();
  if (type === 'http' || type === 'graphql' || type === 'rpc' || type === 'ws') return type;
  throw new TokenRejected('context_not_supported', { debug: type });
}

/** The same as `switchToHttp().getRequest()`, which makes an object of functions each time. */
export function httpRequestIn(context: ExecutionContext): object {
  return context.getArgByIndex<object>(0);
}

/**
 * The state of the call that a Nest context is about; `undefined` where nobody has opened one.
 *
 * @throws TokenRejected `context_not_supported`
 */
export function callOf(context: ExecutionContext): CallState | undefined {
  switch (kindOf(context)) {
    case 'http':
      return stateOf(httpRequestOf(httpRequestIn(context)));
    case 'graphql': {
      const request = graphqlRequestOf(context);
      return request && stateOf(httpRequestOf(request));
    }
    case 'rpc': {
      const carrier: unknown = context.switchToRpc().getContext();
      return typeof carrier === 'object' && carrier !== null ? stateOf(carrier) : undefined;
    }
    case 'ws':
      return currentCall();
  }
}
