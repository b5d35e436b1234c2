import { Inject, Injectable } from '@nestjs/common';
import { RelayHttpClient, type RelayRequest, type RelayResponse, VerifierUnavailable } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { canonicalPath } from './canonical-path';
import { forwardedRequestHeaders } from './proxy-headers';
import { gone } from './gone';
import { passOn } from './upstream-answer';

/** Where requests are passed on to, with a token for it: the names of the gateway's relay contracts. */
export type Destination = 'resource' | 'auth';

/** Passes requests on to a service on behalf of their callers, and its answers back. */
@Injectable()
export class RelayProxy {
  constructor(@Inject(RelayHttpClient) private readonly client: RelayHttpClient) {}

  /**
   * Passes the request on as it is, and the answer back.
   *
   * @param prefix what its path begins with here, and not there
   */
  async relay(
    destination: Destination,
    request: FastifyRequest,
    reply: FastifyReply,
    prefix = '',
  ): Promise<FastifyReply> {
    const path = canonicalPath(request.url, prefix);
    const method = request.method;
    const headers = forwardedRequestHeaders(request.headers);
    return this.answer(reply, await this.call(destination, reply, { method, path, headers, body: bodyOf(request) }));
  }

  /** Calls the service; aborts when the client doesn't wait any more. */
  call(destination: Destination, reply: FastifyReply, request: Omit<RelayRequest, 'signal'>): Promise<RelayResponse> {
    return this.client.request(destination, { ...request, signal: gone(reply) });
  }

  answer(reply: FastifyReply, upstream: RelayResponse): Promise<FastifyReply> {
    return passOn(reply, upstream, 'dropped', upstreamFailed);
  }
}

export function upstreamFailed(cause: unknown): Error {
  return new VerifierUnavailable('upstream_failed', { cause });
}

function bodyOf(request: FastifyRequest): Buffer | undefined {
  return Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : undefined;
}
