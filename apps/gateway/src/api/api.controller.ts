import { Controller, Get, Inject, Res } from '@nestjs/common';
import { CurrentPrincipal, type Principal, type RelayResponse, RequireScopes } from '@token-relay/jwt-guard';
import { hopOf } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { RelayProxy, upstreamFailed } from '../relay-proxy';
import { WHOAMI_DESTINATION } from '../routes/default-routes';

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
    return whoami.parse(JSON.parse(await text(body))).hops;
  } catch (cause) {
    throw upstreamFailed(WHOAMI_DESTINATION, cause);
  }
}

/** @throws Error for more than is taken */
async function text(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
