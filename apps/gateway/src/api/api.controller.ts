import { Controller, Get, Inject, Res } from '@nestjs/common';
import { CurrentPrincipal, type Principal, type RelayResponse, RequireScopes } from '@token-relay/jwt-guard';
import { hopOf } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { RelayProxy, upstreamFailed } from '../relay-proxy';
import { WHOAMI_DESTINATION } from '../routes/default-routes';
import { textOf } from '../text-of';

/** Answered here, with what each service of the chain says of the call: the relay at work. */
@Controller('api/whoami')
export class ApiController {
  constructor(
    @Inject(RelayProxy) private readonly proxy: RelayProxy,
    @Inject(GATEWAY_CONFIG) private readonly config: Pick<GatewayConfig, 'UPSTREAM_TIMEOUT_MS'>,
  ) {}

  @Get()
  @RequireScopes('documents:read')
  async whoami(@CurrentPrincipal() principal: Principal, @Res() reply: FastifyReply) {
    const contract = WHOAMI_DESTINATION;
    const upstream = await this.proxy.call(contract, reply, { method: 'GET', path: '/whoami' });
    if (upstream.statusCode !== 200) {
      const { UPSTREAM_TIMEOUT_MS: timeoutMs } = this.config;
      return this.proxy.answer({ destination: contract, contract, timeoutMs }, reply, upstream);
    }
    const hops = await hopsOf(upstream);
    return reply
      .header('cache-control', 'no-store')
      .send({ subject: principal.subject, hops: [hopOf('gateway', principal), ...hops] });
  }
}

/** Far more than any chain has to say. */
const MAX_ANSWER_BYTES = 64 * 1024;

const whoami = z.object({ hops: z.array(z.looseObject({ service: z.string() })) });

async function hopsOf({ body }: RelayResponse) {
  try {
    return whoami.parse(JSON.parse(await textOf(body, MAX_ANSWER_BYTES))).hops;
  } catch (cause) {
    throw upstreamFailed(WHOAMI_DESTINATION, cause);
  }
}
