import { Inject, Injectable } from '@nestjs/common';
import { RelayHttpClient, type RelayRequest, type RelayResponse, VerifierUnavailable } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { canonicalPath } from '../canonical-path';
import { forwardedRequestHeaders } from '../proxy-headers';
import { gone } from '../gone';
import { passOn } from '../upstream-answer';

/** Passes requests on to resource on behalf of their callers, and its answers back. */
@Injectable()
export class ResourceProxy {
  constructor(@Inject(RelayHttpClient) private readonly client: RelayHttpClient) {}

  /** Passes the request on as it is, and the answer back. */
  async relay(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const path = canonicalPath(request.url, '/api');
    const method = request.method;
    const headers = forwardedRequestHeaders(request.headers);
    return this.answer(reply, await this.call(reply, { method, path, headers, body: bodyOf(request) }));
  }

  /** Calls resource; aborts when the client doesn't wait any more. */
  call(reply: FastifyReply, request: Omit<RelayRequest, 'signal'>): Promise<RelayResponse> {
    return this.client.request('resource', { ...request, signal: gone(reply) });
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
