import { type CanActivate, type ExecutionContext } from '@nestjs/common';

/**
 * Whether Nest really applies the guard, seen where it does: binding a guard to a handler it looks whether there is a
 * `canActivate`, and calling it later it looks there once a call. Nest says nowhere else which guards of an
 * app count for a microservice or a gateway.
 */
export class GuardBindings {
  #looks = 0;
  #calls = 0;

  /** Grows whenever the guard is bound to a handler, and stays where it is when it is called. */
  get count(): number {
    return this.#looks - this.#calls;
  }

  watch(guard: CanActivate): void {
    let canActivate = (context: ExecutionContext) => {
      this.#calls++;
      return activate(context);
    };
    const activate = guard.canActivate.bind(guard);
    Object.defineProperty(guard, 'canActivate', {
      configurable: true,
      get: () => {
        this.#looks++;
        return canActivate;
      },
      // As tests do, to put a stand-in there.
      set: (replacement: typeof canActivate) => {
        canActivate = (context) => {
          this.#calls++;
          return replacement(context);
        };
      },
    });
  }
}
