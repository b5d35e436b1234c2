import { type CanActivate, type Type } from '@nestjs/common';
import { type PublicController } from '../handler-policy';

/** A route, or a message pattern, that is registered past Nest, and is for everybody. */
export interface PublicEntry {
  /** As the census prints it: `GET /metrics`, `message ping`; `GET /docs*` for all that begins so. */
  readonly entry: string;
  /** Why that is right. */
  readonly reason: string;
}

/** How code that isn't yours, and can't be decorated, is brought under the guard. */
export interface CensusOptions {
  /**
   * Guards that authenticate callers by themselves: where one of them stands in `@UseGuards`, and nothing is said with
   * decorators of this library, no token is asked for. Default: none.
   */
  readonly acceptGuards?: readonly Type<CanActivate>[];
  /** What is open to everybody, and why: controllers of others, and what is registered past Nest. Default: none. */
  readonly public?: readonly (PublicController | PublicEntry)[];
  /**
   * What a handler counts as that nobody has said anything about: `require-token`, or `refuse` to start until somebody
   * has, be it with `@RequireToken()`. Default: `require-token`.
   */
  readonly undecorated?: 'require-token' | 'refuse';
  /** Starts whatever the census finds, and logs it as a warning: handlers without a policy are open. Default: false. */
  readonly dangerouslyWarnOnly?: boolean;
}

/** The same, checked and sorted. */
export interface ResolvedCensusOptions {
  readonly acceptGuards: readonly Type<CanActivate>[];
  readonly controllers: readonly PublicController[];
  readonly entries: readonly PublicEntry[];
  readonly undecorated: 'require-token' | 'refuse';
  readonly warnOnly: boolean;
}

/**
 * @param own guards that ask for a token: to accept them in its place would open what they guard
 * @throws TypeError naming the option that makes no sense
 */
export function resolveCensusOptions(options: CensusOptions, own: Type<CanActivate>): ResolvedCensusOptions {
  const { acceptGuards = [], public: openings = [], undecorated = 'require-token', dangerouslyWarnOnly } = options;
  for (const guard of acceptGuards) {
    if (typeof guard !== 'function') throw new TypeError('census.acceptGuards: must be a list of guard classes');
    if (guard === own || guard.prototype instanceof own || own.prototype instanceof guard) {
      throw new TypeError(`census.acceptGuards: ${guard.name} asks for a token, and needs no word here`);
    }
  }
  if (undecorated !== 'require-token' && undecorated !== 'refuse') {
    throw new TypeError('census.undecorated: must be require-token or refuse');
  }
  for (const opening of openings) checkOpening(opening);
  return {
    acceptGuards,
    controllers: openings.filter((opening) => 'controller' in opening),
    entries: openings.filter((opening) => 'entry' in opening),
    undecorated,
    warnOnly: dangerouslyWarnOnly === true,
  };
}

function checkOpening(opening: PublicController | PublicEntry): void {
  if (typeof opening.reason !== 'string' || opening.reason.trim() === '') {
    throw new TypeError('census.public: each opening needs a reason');
  }
  if ('controller' in opening) {
    const { controller, handler } = opening;
    if (typeof controller !== 'function') throw new TypeError('census.public: controller must be a class');
    const methods = controller.prototype as Readonly<Record<string, unknown>>;
    if (handler !== undefined && typeof methods[handler] !== 'function') {
      throw new TypeError(`census.public: ${controller.name} has no method ${handler}`);
    }
  } else if (typeof opening.entry !== 'string' || opening.entry.trim() === '') {
    throw new TypeError('census.public: each opening needs a controller or an entry');
  }
}
