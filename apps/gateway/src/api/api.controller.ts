import { All, Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { CurrentPrincipal, type Principal, type RelayResponse, RequireScopes } from '@token-relay/jwt-guard';
import { hopOf } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RelayProxy, upstreamFailed } from '../relay-proxy';

/**
 * What clients call: `/api/**` is resource's, relayed with a token for resource. What a route needs is asked for
 * here already, at the edge; resource asks again.
 */
@Controller('api')
export class ApiController {
  constructor(@Inject(RelayProxy) private readonly proxy: RelayProxy) {}

  /** Answered here, with what each service of the chain says of the call. */
  @Get('whoami')
  @RequireScopes('documents:read')
  async whoami(@CurrentPrincipal() principal: Principal, @Res() reply: FastifyReply) {
    const upstream = await this.proxy.call('resource', reply, { method: 'GET', path: '/whoami' });
    if (upstream.statusCode !== 200) return this.proxy.answer(reply, upstream);
    const hops = await hopsOf(upstream);
    return reply
      .header('cache-control', 'no-store')
      .send({ subject: principal.subject, hops: [hopOf('gateway', principal), ...hops] });
  }

  @Get(['documents', 'documents/*'])
  @RequireScopes('documents:read')
  readDocuments(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('resource', request, reply, '/api');
  }

  @Post(['documents', 'documents/*'])
  @RequireScopes('documents:write')
  writeDocuments(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('resource', request, reply, '/api');
  }

  @Get('audit')
  @RequireScopes('audit:read')
  readAudit(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('resource', request, reply, '/api');
  }

  @All('*')
  everythingElse(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('resource', request, reply, '/api');
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
