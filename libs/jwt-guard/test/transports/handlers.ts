import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentPrincipal, currentRelayContext, Public, RequireActor, RequireScopes } from '../../src';

/** What a handler knows of its call. */
export interface Seen {
  readonly subject: string | null;
  readonly tokenId: string | null;
  readonly transactionId: string | null;
}

/** A provider that nobody has told for whom it works. */
@Injectable()
export class Witness {
  async seen(): Promise<Seen> {
    // Across a timer, and across a promise: the context has to come along.
    await sleep(Math.random() * 3);
    const principal = currentPrincipal();
    return {
      subject: principal?.subject ?? null,
      tokenId: principal?.tokenId ?? null,
      transactionId: currentRelayContext()?.transactionId ?? null,
    };
  }
}

/** The same handlers for every transport, which decorates them as it does. */
export class Handlers {
  constructor(protected readonly witness: Witness) {}

  undecorated(): Promise<Seen> {
    return this.witness.seen();
  }

  @Public('it is for everybody')
  open(): Promise<Seen> {
    return this.witness.seen();
  }

  @RequireScopes('documents:read', 'documents:write')
  scoped(): Promise<Seen> {
    return this.witness.seen();
  }

  @RequireActor('gateway')
  acted(): Promise<Seen> {
    return this.witness.seen();
  }

  throwing(): never {
    throw new Error('a secret of the handler');
  }
}

export type HandlerName = 'undecorated' | 'open' | 'scoped' | 'acted' | 'throwing';
export const HANDLERS: readonly HandlerName[] = ['undecorated', 'open', 'scoped', 'acted', 'throwing'];

const methods = Handlers.prototype as unknown as Readonly<Record<HandlerName, (this: Handlers) => unknown>>;

/** Puts a transport's decorator on every handler of a class. */
export function decorateAll(target: typeof Handlers, decorator: (name: HandlerName) => MethodDecorator): void {
  for (const name of HANDLERS) {
    // An own function for each class: what one transport says of it is none of another's business.
    const inherited = methods[name];
    const own = function (this: Handlers): unknown {
      return inherited.call(this);
    };
    for (const key of Reflect.getMetadataKeys(inherited)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, inherited), own);
    }
    const descriptor = { value: own, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(target.prototype, name, descriptor);
    decorator(name)(target.prototype, name, descriptor);
  }
}
