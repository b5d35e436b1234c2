import { type ExecutionContext } from '@nestjs/common';
import { TokenRejected } from '../core/refusals';

/**
 * What stands for the call that a Nest context is about.
 *
 * @throws TokenRejected `context_not_supported` for a kind of context that nobody here knows how to guard
 */
export function carrierOf(context: ExecutionContext): object {
  switch (context.getType<string>()) {
    case 'http':
      return httpRequestOf(context.switchToHttp().getRequest<object>());
    case 'rpc':
      return context.switchToRpc().getContext<object>();
    default:
      throw new TokenRejected('context_not_supported');
  }
}

/** Node's own request: Fastify keeps it in `raw`, Express's request is one. */
export function httpRequestOf(request: object): object {
  return 'raw' in request && typeof request.raw === 'object' && request.raw !== null ? request.raw : request;
}
