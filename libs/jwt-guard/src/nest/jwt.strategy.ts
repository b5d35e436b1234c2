import { Injectable, type OnModuleInit } from '@nestjs/common';
import passport from 'passport';
import { Strategy } from 'passport-jwt';
import { isRefusal, TokenRejected } from '../core/refusals';
import { httpRequestOf, type CallState, stateOf } from './call-state';

/**
 * passport-jwt's strategy with its verification taken out: it finds the token with an extractor of `ExtractJwt`'s
 * kind and keeps to passport's protocol, so that `AuthGuard('jwt')` in code that exists gives the same verdict as
 * `JwtGuard`. Extractor and verdict are those of the app that the request came to – passport's registry is
 * one for the whole process, whoever is in it.
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

  override authenticate(request: object): void {
    const state = stateOf(httpRequestOf(request));
    if (!state) {
      this.error(new Error('JwtGuardModule is not part of the app that this request came to'));
      return;
    }
    this.authenticateCall(request, state)
      .catch((error: unknown) => {
        throw isRefusal(error) ? state.turnAway(error) : error;
      })
      .then(
        (principal) => this.success(principal),
        (error: unknown) => this.error(error as Error),
      );
  }

  private async authenticateCall(request: object, state: CallState) {
    if (state.authenticated) return state.authenticated.principal;
    const token = state.extract(request);
    if (typeof token !== 'string' || token === '') throw new TokenRejected('token_missing');
    const principal = await state.verifier.verify(token);
    state.admit({ principal, token });
    return principal;
  }
}
