import { Inject, Injectable } from '@nestjs/common';
import {
  currentPrincipal,
  currentRelayContext,
  RelayHttpClient,
  type RelayRequest,
  type RelayResponse,
  VerifierUnavailable,
} from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { EventStreams, isEventStream } from './event-streams';
import { gone } from './gone';
import { forwardedRequestHeaders, type Headers, returnedHeaders } from './proxy-headers';
import { RateLimits } from './rate-limits';
import { hasBody, requestBody, StreamedBody } from './request-body';
import { withPublicUrls } from './routes/public-location';
import { type Route } from './routes/route';
import { ROUTE_TABLE, type RouteTable } from './routes/route-table';
import { routeTarget } from './routes/route-target';
import { SocketProxy } from './sockets/socket-proxy';
import { AnswerIdle, passOn, type UpstreamAnswer } from './upstream-answer';

/** What an answer is judged by. */
type Answered = Pick<Route, 'destination' | 'contract' | 'timeoutMs'>;

/** Passes requests on to a service on behalf of their callers, and its answers back. */
@Injectable()
export class RelayProxy {
  constructor(
    @Inject(RelayHttpClient) private readonly client: RelayHttpClient,
    @Inject(ROUTE_TABLE) private readonly table: RouteTable,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(EventStreams) private readonly eventStreams: EventStreams,
    @Inject(SocketProxy) private readonly sockets: SocketProxy,
  ) {}

  /** Passes the request on as it is, and the answer back. */
  async relay(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const path = routeTarget(route, request, reply);
    if (route.rateLimit) await this.limits.count(route, currentPrincipal(), reply);
    if (route.webSocket && this.sockets.isAsked(request)) {
      const refused = await this.sockets.open(route, path, request, reply);
      return refused && this.answer(route, reply, refused);
    }
    const upstream = await (hasBody(request)
      ? this.sendWithBody(route, path, request, reply)
      : this.send(route, path, undefined, request, reply));
    return this.answer(route, reply, upstream);
  }

  /** Calls a service; aborts when the client doesn't wait any more. */
  call(contract: string, reply: FastifyReply, request: Omit<RelayRequest, 'signal'>): Promise<RelayResponse> {
    return this.client.request(contract, { ...request, signal: gone(reply) });
  }

  /** Passes back what a service has answered. */
  answer(route: Answered, reply: FastifyReply, upstream: UpstreamAnswer): FastifyReply | Promise<FastifyReply> {
    const idleMs = route.timeoutMs;
    const headers = this.returned(route, upstream);
    if (isEventStream(upstream) && reply.request.method !== 'HEAD') {
      const { principal, transactionId } = currentRelayContext() ?? { principal: undefined };
      return this.eventStreams.passOn(reply, upstream, { headers, idleMs }, { principal, transactionId });
    }
    return passOn(reply, upstream, { headers, idleMs, failed: (cause) => upstreamFailed(route.contract, cause) });
  }

  private async sendWithBody(
    route: Route,
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<RelayResponse> {
    const { maxBodyBytes: maxBytes, timeoutMs: idleMs } = route;
    const body = await requestBody(request, reply, { maxBytes, idleMs, stalled: () => idle(route) });
    if (!(body instanceof StreamedBody)) return this.send(route, path, body, request, reply);
    try {
      return await this.send(route, path, body, request, reply);
    } catch (error) {
      // What became of the call is a consequence.
      const { failure } = body;
      body.destroy();
      throw failure ?? error;
    }
  }

  private send(
    route: Route,
    path: string,
    body: Buffer | StreamedBody | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<RelayResponse> {
    const { method } = request;
    const headers = forwardedRequestHeaders(request.headers);
    const length = request.headers['content-length'];
    if (body instanceof StreamedBody && length !== undefined) headers['content-length'] = length;
    return this.client.request(route.contract, {
      method,
      path,
      headers,
      body,
      signal: gone(reply),
      timeoutMs: route.timeoutMs,
      // The connection to the client has a clock that sees both sides.
      bodyTimeoutMs: 0,
      transaction:
        route.mode === 'transaction'
          ? { details: { method, route: route.prefix }, context: { req_ip: request.ip } }
          : undefined,
    });
  }

  private returned({ destination }: Answered, { headers }: UpstreamAnswer): Headers {
    const returned = returnedHeaders(headers, 'dropped');
    const inside = this.table.insideOf(destination);
    return inside ? withPublicUrls(returned, inside) : returned;
  }
}

/** @param hop the service that has failed */
export function upstreamFailed(hop: string, cause: unknown): Error {
  return new VerifierUnavailable(cause instanceof AnswerIdle ? 'upstream_timeout' : 'upstream_failed', { cause, hop });
}

function idle({ contract: hop }: Answered): VerifierUnavailable {
  return new VerifierUnavailable('upstream_timeout', { hop });
}
