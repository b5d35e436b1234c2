import { Injectable, type OnModuleInit } from '@nestjs/common';
import passport from 'passport';
import { Strategy } from 'passport-jwt';
import { isRefusal } from '../core/refusals';
import { checkStaleness, STALENESS_BOUND_SECONDS } from '../core/staleness';
import { PassportRequest } from './at-passport';
import { httpRequestOf, type CallState, stateOf } from './call-state';
import { identify } from './identify';
import { isSafeRequest } from './safe-calls';

/** An option of passport's: `JwtGuard` asks, which knows the handler and judges by its rule how old revocations may be. */
export const GUARDED = Object.freeze({ tokenRelayGuarded: true });

/**
 * passport-jwt's strategy with its verification taken out: it finds the token with an extractor of `ExtractJwt`'s
 * kind and keeps to passport's protocol, so that `AuthGuard('jwt')` in code that exists gives the same verdict as
 * `JwtGuard`. Extractor and verdict are those of the app that the request came to – passport's registry is
 * one for the whole process, whoever is in it.
 *
 * Asked by others than `JwtGuard`, it knows no handler, and so no `@WhenStale`: how old revocations may be is judged by
 * the request's method, unless `JwtGuard` has done it for this request.
 *
 * It ends in `success` or `error`, never in `fail`, which would make a 401 of what is a 503.
 */
@Injectable()
export class JwtStrategy extends Strategy implements OnModuleInit {
  constructor() {
    super(
      {
        jwtFromRequest: () => null,
        // Never asked: `authenticate` below doesn't come to it. If it were, there would be no key.
        secretOrKeyProvider: (_request, _token, done) => done(new Error('not verified by passport-jwt')),
      },
      () => undefined,
    );
  }

  onModuleInit(): void {
    passport.use(this);
  }

  override authenticate(shown: object, options?: Partial<typeof GUARDED>): void {
    const request = PassportRequest.behind(shown);
    const state = stateOf(httpRequestOf(request));
    if (!state) {
      this.error(new Error('JwtGuardModule is not part of the app that this request came to'));
      return;
    }
    const isGuarded = options?.tokenRelayGuarded === true;
    this.authenticateCall(request, state, isGuarded)
      .catch((error: unknown) => {
        throw isRefusal(error) ? state.turnAway(error) : error;
      })
      .then(
        (principal) => this.success(principal),
        (error: unknown) => this.error(error as Error),
      );
  }

  private async authenticateCall(request: object, state: CallState, isGuarded: boolean) {
    const principal = state.authenticated?.principal ?? (await this.authenticateAnew(request, state));
    const age = state.verifier.revocationAgeSeconds;
    if (age > STALENESS_BOUND_SECONDS && !isGuarded && !state.stalenessSettled) {
      checkStaleness(age, undefined, isSafeRequest(request));
    }
    return principal;
  }

  private async authenticateAnew(request: object, state: CallState) {
    const authenticated = await identify(state, request);
    state.admit(authenticated);
    return authenticated.principal;
  }
}
