import { Controller, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CurrentPrincipal, type Principal, Public, RequireScopes, WhenStale } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { ApiHeaders } from '../../api-headers';
import { OwnNameGuard } from '../../demo/own-name.guard';
import { countRequest } from '../../rate-limits';
import { Inspector } from './inspector';

const REQUESTS = 10;
const PER_SECONDS = 60;

/** Why a token is accepted or refused here, for operators. */
@Controller('console/api/inspect')
export class InspectController {
  readonly #limiter = new RateLimiterMemory({ points: REQUESTS, duration: PER_SECONDS });

  constructor(@Inject(Inspector) private readonly inspector: Inspector) {}

  /** It changes nothing, and is asked just when something is wrong. */
  @Post()
  @HttpCode(200)
  @ApiHeaders()
  @RequireScopes('auth:admin')
  @WhenStale({ allowForSeconds: 900 })
  async inspect(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await countRequest(this.#limiter, principal, reply);
    return this.inspector.explain(request, reply);
  }
}

/** The same in the demo, for whoever has the token. */
@Controller('console/api/inspect')
@UseGuards(OwnNameGuard)
export class DemoInspectController {
  constructor(@Inject(Inspector) private readonly inspector: Inspector) {}

  @Public('Says of a token what its holder could find out by using it, on the machine of a developer.')
  @Post()
  @HttpCode(200)
  @ApiHeaders()
  inspect(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.inspector.explain(request, reply);
  }
}
