import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type Principal } from '../core/principal';
import { callOf } from './call';

/**
 * The `Principal` that the guard let in, as a parameter of a handler; `undefined` in a handler that is
 * `@Public`.
 */
export const CurrentPrincipal = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal | undefined => callOf(context)?.authenticated?.principal,
);
