import { type CanActivate, Controller, type DynamicModule, type ExecutionContext, Get, Req } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { type Answer, answerFor, NOBODY } from './answer';
import { onExpress, onFastify } from './nest-app';

@Controller('documents')
class Documents {
  @Get()
  list(): Answer {
    return answerFor(NOBODY);
  }
}

class Unguarded {}

const MODULE: DynamicModule = { module: Unguarded, controllers: [Documents] };

export const unguardedOnFastify = () => onFastify(MODULE);
export const unguardedOnExpress = () => onExpress(MODULE);

interface Named {
  user?: string;
}

/** What Nest does for a guard, whichever it is. */
class EmptyGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    context.getArgByIndex<Named>(0).user = NOBODY;
    return Promise.resolve(true);
  }
}

@Controller('documents')
class NamedDocuments {
  @Get()
  list(@Req() { user = '' }: Named): Answer {
    return answerFor(user);
  }
}

const EMPTY: DynamicModule = {
  module: Unguarded,
  controllers: [NamedDocuments],
  providers: [{ provide: APP_GUARD, useClass: EmptyGuard }],
};

export const emptyGuardOnFastify = () => onFastify(EMPTY);
export const emptyGuardOnExpress = () => onExpress(EMPTY);
