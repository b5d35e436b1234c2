import { type ExecutionContext } from '@nestjs/common';
import { TokenRejected } from '../core/refusals';
import { httpRequestOf } from './request-state';

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
