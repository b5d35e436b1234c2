// As Nest's documentation of passport and the README of jwks-rsa say.
import { Controller, type DynamicModule, Get, Inject, Injectable, Req, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { passportJwtSecret } from 'jwks-rsa';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { type Answer, answerFor } from './answer';
import { onExpress, onFastify } from './nest-app';
import { type Trusted } from './trusted';

const TRUSTED = Symbol('trusted');

interface Claims {
  readonly sub: string;
}

@Injectable()
class JwksStrategy extends PassportStrategy(Strategy) {
  constructor(@Inject(TRUSTED) { issuer, audience, jwksUri }: Trusted) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: passportJwtSecret({ cache: true, rateLimit: true, jwksRequestsPerMinute: 5, jwksUri }),
      issuer,
      audience,
      algorithms: ['ES256'],
    });
  }

  validate(claims: Claims): Claims {
    return claims;
  }
}

@Controller('documents')
class Documents {
  @Get()
  @UseGuards(AuthGuard('jwt'))
  list(@Req() { user }: { readonly user: Claims }): Answer {
    return answerFor(user.sub);
  }
}

class Guarded {}

function moduleFor(trusted: Trusted): DynamicModule {
  return {
    module: Guarded,
    imports: [PassportModule],
    controllers: [Documents],
    providers: [JwksStrategy, { provide: TRUSTED, useValue: trusted }],
  };
}

export const passportJwtOnFastify = (trusted: Trusted) => onFastify(moduleFor(trusted));
export const passportJwtOnExpress = (trusted: Trusted) => onExpress(moduleFor(trusted));
