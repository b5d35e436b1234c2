import { All, Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { CurrentPrincipal, type Principal, type RelayResponse, RequireScopes } from '@token-relay/jwt-guard';
import { hopOf } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ResourceProxy, upstreamFailed } from './resource-proxy';

/**
 * What clients call: `/api/**` is resource's, relayed with a token for resource. What a route needs is asked for
 * here already, at the edge; resource asks again.
 */
@Controller('api')
export class ApiController {
  constructor(@Inject(ResourceProxy) private readonly resource: ResourceProxy) {}

  /** Answered here, with what each service of the chain says of the call. */
  @Get('whoami')
  @RequireScopes('documents:read')
  async whoami(@CurrentPrincipal() principal: Principal, @Res() reply: FastifyReply) {
    const upstream = await this.resource.call(reply, { method: 'GET', path: '/whoami' });
    if (upstream.statusCode !== 200) return this.resource.answer(reply, upstream);
    const hops = await hopsOf(upstream);
    return reply
      .header('cache-control', 'no-store')
      .send({ subject: principal.subject, hops: [hopOf('gateway', principal), ...hops] });
  }

  @Get(['documents', 'documents/*'])
  @RequireScopes('documents:read')
  readDocuments(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.resource.relay(request, reply);
  }

  @Post(['documents', 'documents/*'])
  @RequireScopes('documents:write')
  writeDocuments(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.resource.relay(request, reply);
  }

  @Get('audit')
  @RequireScopes('audit:read')
  readAudit(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.resource.relay(request, reply);
  }

  @All('*')
  everythingElse(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.resource.relay(request, reply);
  }
}

const whoami = z.object({ hops: z.array(z.looseObject({ service: z.string() })) });

async function hopsOf({ body }: RelayResponse) {
  try {
    return whoami.parse(await body.json()).hops;
  } catch (cause) {
    throw upstreamFailed(cause);
  }
}
