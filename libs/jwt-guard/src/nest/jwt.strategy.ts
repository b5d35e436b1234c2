import { type OnModuleInit, Inject, Injectable, Optional } from '@nestjs/common';
import passport from 'passport';
import { type JwtFromRequestFunction, Strategy } from 'passport-jwt';
import { extractToken } from '../core/extract-token';
import { isRefusal, TokenRejected } from '../core/refusals';
import { JWT_GUARD_OPTIONS, type JwtGuardOptions } from './jwt-guard.options';
import { httpRequestOf, type RequestState, stateOf } from './request-state';

/**
 * passport-jwt's strategy with its verification taken out: it finds the token with an `ExtractJwt` extractor
 * and keeps to passport's protocol, so that `AuthGuard('jwt')` in code that exists gives the same verdict as
 * `JwtGuard`. The verdict is the `TokenVerifier`'s of the app that the request came to – passport's registry is
 * one for the whole process, whoever is in it.
 *
 * It ends in `success` or `error`, never in `fail`, which would make a 401 of what is a 503.
 */
@Injectable()
export class JwtStrategy extends Strategy implements OnModuleInit {
  private readonly extractor: JwtFromRequestFunction<object> | undefined;

  constructor(@Optional() @Inject(JWT_GUARD_OPTIONS) options?: JwtGuardOptions) {
    super(
      {
        jwtFromRequest: () => null,
        // Never asked: `authenticate` below doesn't come to it. If it were, there would be no key.
        secretOrKeyProvider: (_request, _token, done) => done(new Error('not verified by passport-jwt')),
      },
      () => undefined,
    );
    this.extractor = options?.jwtFromRequest;
  }

  onModuleInit(): void {
    passport.use(this);
  }

  override authenticate(request: object): void {
    const carrier = httpRequestOf(request);
    const state = stateOf(carrier);
    if (!state) {
      this.error(new Error('JwtGuardModule is not part of the app that this request came to'));
      return;
    }
    this.authenticateCall(request, carrier, state).then(
      (principal) => this.success(principal),
      (error: unknown) => this.error(isRefusal(error) ? state.refuse(error, state.transactionId) : (error as Error)),
    );
  }

  private async authenticateCall(request: object, carrier: object, state: RequestState) {
    if (state.authenticated) return state.authenticated.principal;
    const token = this.extractor ? this.extractor(request) : extractToken(authorizationHeaders(carrier));
    if (typeof token !== 'string' || token === '') throw new TokenRejected('token_missing');
    const principal = await state.verifier.verify(token);
    state.admit({ principal, token });
    return principal;
  }
}

/** Every `Authorization` header that was sent: Node's `headers` keeps the first and hides the others. */
function authorizationHeaders(request: object): string[] {
  const { rawHeaders } = request as { rawHeaders: readonly string[] };
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
