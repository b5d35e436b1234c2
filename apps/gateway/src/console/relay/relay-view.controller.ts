import { Controller, Get, HttpException, Inject, Query, Req, Res } from '@nestjs/common';
import {
  CurrentPrincipal,
  currentRelayContext,
  type DestinationContract,
  type Principal,
  type RelayResponse,
  RequireScopes,
} from '@token-relay/jwt-guard';
import { ExplainedCalls, type Hop, hopOf, ProblemException, validated } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiHeaders } from '../../api-headers';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config';
import { RelayProxy, upstreamFailed } from '../../relay-proxy';
import { WHOAMI_DESTINATION } from '../../routes/default-routes';
import { textOf } from '../../text-of';
import {
  RELAY_VIEW_MODES,
  relayContractOf,
  relayViewContracts,
  type RelayViewMode,
  serviceOfContract,
} from './relay-view-contracts';
import { MAX_ANSWER_BYTES, problemIn, type ViewedHop, viewedHop, viewedHops, type ViewedRefusal } from './viewed-hops';

const asked = z.object({
  mode: z.enum(RELAY_VIEW_MODES, `must be one of ${RELAY_VIEW_MODES.join(', ')}`).default('exchange'),
});

export interface RelayView {
  readonly mode: RelayViewMode;
  readonly transactionId: string | undefined;
  /** W3C Trace Context. */
  readonly traceId: string | undefined;
  /** The one that was called first, first. */
  readonly hops: readonly ViewedHop[];
  readonly refusal?: ViewedRefusal;
}

/** What has come of calling the next service. */
type Called = Pick<RelayView, 'hops' | 'refusal'>;

/** What is shown as a step of the relay, and isn't told as a failure of this request: the relay did what it is for. */
const SHOWN: ReadonlySet<string> = new Set([
  'relay_token_refused',
  'exchange_refused',
  'insufficient_scope',
  'relay_impossible',
]);

/** One call along the chain, relayed as it is asked for, with what every service says of it. */
@Controller('console/api/relay')
export class RelayViewController {
  readonly #contracts: Readonly<Record<string, DestinationContract>>;

  constructor(
    @Inject(RelayProxy) private readonly proxy: RelayProxy,
    @Inject(ExplainedCalls) private readonly explained: ExplainedCalls,
    @Inject(GATEWAY_CONFIG) config: Pick<GatewayConfig, 'RESOURCE_URL' | 'NODE_ENV' | 'DANGEROUSLY_FORWARD'>,
  ) {
    this.#contracts = relayViewContracts(config);
  }

  /** @throws ProblemException 404 `mode_not_available`; whatever the relay throws that isn't shown */
  @Get()
  @RequireScopes('documents:read')
  @ApiHeaders()
  async view(
    @Query(validated(asked)) { mode }: z.infer<typeof asked>,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RelayView> {
    const contract = this.#contracts[relayContractOf(mode)];
    if (!contract) throw new ProblemException(404, 'mode_not_available', 'Calls are not relayed in this mode here.');
    const { hops, refusal } = await this.call(mode, request, reply);
    const context = currentRelayContext();
    const own = viewedHop({ ...ownHop(principal), ...(await this.explained.traceOf()) });
    return {
      mode,
      transactionId: context?.transactionId,
      traceId: context?.traceparent.split('-')[1],
      hops: [own, ...hops],
      ...(refusal && { refusal: { ...refusal, ...whyRefused(refusal, principal, contract) } }),
    };
  }

  private async call(mode: RelayViewMode, { ip }: FastifyRequest, reply: FastifyReply): Promise<Called> {
    const transaction = { details: { method: 'GET', route: '/console/api/relay' }, context: { req_ip: ip } };
    try {
      const answer = await this.proxy.call(relayContractOf(mode), reply, {
        method: 'GET',
        path: '/whoami?explain=1',
        ...(mode === 'transaction' && { transaction }),
      });
      return await calledOf(answer);
    } catch (error) {
      const refusal = refusalIn(error);
      if (!refusal) throw withService(error);
      // They belong to an answer that says no; this one tells of one.
      reply.removeHeader('retry-after').removeHeader('www-authenticate');
      return { hops: [], refusal };
    }
  }
}

/** To be asked when resource has answered. */
function ownHop(principal: Principal): Hop {
  const { relayed, ...rest } = hopOf('gateway', principal);
  return { ...rest, ...(relayed && { relayed: { ...relayed, to: serviceOfContract(relayed.to) } }) };
}

/** The same error with `hop` as people know it. */
function withService(error: unknown): unknown {
  if (!(error instanceof HttpException)) return error;
  const problem = error.getResponse();
  if (typeof problem !== 'object' || !('hop' in problem) || typeof problem.hop !== 'string') return error;
  const { cause } = error;
  return new HttpException({ ...problem, hop: serviceOfContract(problem.hop) }, error.getStatus(), { cause });
}

/** @throws VerifierUnavailable `upstream_failed` for what is neither hops nor a refusal */
async function calledOf({ statusCode, body }: RelayResponse): Promise<Called> {
  try {
    const text = await textOf(body, MAX_ANSWER_BYTES);
    if (statusCode === 200) return { hops: viewedHops(JSON.parse(text)) };
    const refusal = problemIn(statusCode, text);
    // What it couldn't answer itself is its failure; what another one couldn't is a step to be shown.
    if (refusal && (statusCode < 500 || refusal.hop !== undefined)) return { hops: [], refusal };
    throw new Error(`status ${statusCode}`);
  } catch (cause) {
    throw upstreamFailed(WHOAMI_DESTINATION, cause);
  }
}

function refusalIn(error: unknown): ViewedRefusal | undefined {
  if (!(error instanceof HttpException)) return undefined;
  const refusal = problemIn(error.getStatus(), JSON.stringify(error.getResponse()));
  return refusal && SHOWN.has(refusal.code) ? refusal : undefined;
}

/** The service's own word on it goes no further than the relay's client: here it is made from what is known of both. */
function whyRefused(
  { code }: ViewedRefusal,
  { audience: own }: Principal,
  { mode, audience }: DestinationContract,
): Pick<ViewedRefusal, 'why'> {
  if (code !== 'relay_token_refused' || mode !== 'forward') return {};
  return {
    why:
      `The token that was handed over is for ${own}, and ${audience} takes those that are for ${audience}: ` +
      'audience_mismatch. To be let in everywhere it would have to count everywhere, and whoever breaks into one ' +
      'service could be each of its users at every other.',
  };
}
