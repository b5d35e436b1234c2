import { Controller, type DynamicModule, Get, Inject } from '@nestjs/common';
import {
  CurrentPrincipal,
  JwtGuardModule,
  type Principal,
  Public,
  type VerifierObserver,
} from '@token-relay/jwt-guard';
import { type Answer, answerFor } from './answer';
import { onExpress, onFastify } from './nest-app';
import { type Trusted } from './trusted';

/** What was verified so far: remembered, or computed. */
export class Verified {
  remembered = 0;
  computed = 0;
}

@Controller()
class Documents {
  constructor(@Inject(Verified) private readonly verified: Verified) {}

  @Get('documents')
  list(@CurrentPrincipal() principal: Principal): Answer {
    return answerFor(principal.subject);
  }

  @Get('verified')
  @Public('It says nothing of anybody.')
  counts(): Verified {
    return this.verified;
  }
}

class Guarded {}

function moduleFor({ issuer, audience, jwks }: Trusted): DynamicModule {
  const verified = new Verified();
  const observer: VerifierObserver = {
    verified({ outcome, cached }) {
      if (outcome !== 'accepted') return;
      if (cached) verified.remembered++;
      else verified.computed++;
    },
  };
  return {
    module: Guarded,
    imports: [JwtGuardModule.forRoot({ issuers: [{ issuer, audience, algorithms: ['ES256'], jwks }], observer })],
    controllers: [Documents],
    providers: [{ provide: Verified, useValue: verified }],
  };
}

export const jwtGuardOnFastify = (trusted: Trusted) => onFastify(moduleFor(trusted));
export const jwtGuardOnExpress = (trusted: Trusted) => onExpress(moduleFor(trusted));
