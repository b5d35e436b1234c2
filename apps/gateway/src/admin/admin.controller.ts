import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { type DestinationContract, RequireScopes, WhenStale } from '@token-relay/jwt-guard';
import { MAX_BODY_BYTES } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { RelayProxy } from '../relay-proxy';
import { type Route } from '../routes/route';

const SCOPES = ['revocations:write', 'keys:read', 'keys:rotate', 'keys:compromise'];
/** The relay contract by which auth is reached on behalf of operators; no route of a table has it. */
export const ADMIN_CONTRACT = 'auth';

function adminRoute(timeoutMs: number): Route {
  return {
    prefix: '/admin',
    folded: '/admin',
    inner: [],
    methods: ['GET', 'HEAD', 'POST'],
    rewrite: '/admin',
    destination: ADMIN_CONTRACT,
    contract: ADMIN_CONTRACT,
    mode: 'exchange',
    scopes: [],
    timeoutMs,
    maxBodyBytes: MAX_BODY_BYTES,
    rateLimit: undefined,
    webSocket: false,
  };
}

/** Auth does nothing for a token that another service was given. */
export function adminContract({ AUTH_URL: baseUrl }: Pick<GatewayConfig, 'AUTH_URL'>): DestinationContract {
  return { baseUrl, audience: 'auth', mode: 'exchange', scopes: SCOPES };
}

/** What operators do at auth, relayed with a token for auth: this list, and no prefix. */
@Controller('admin')
export class AdminController {
  private readonly route: Route;

  constructor(
    @Inject(RelayProxy) private readonly proxy: RelayProxy,
    @Inject(GATEWAY_CONFIG) { UPSTREAM_TIMEOUT_MS: timeoutMs }: Pick<GatewayConfig, 'UPSTREAM_TIMEOUT_MS'>,
  ) {
    this.route = adminRoute(timeoutMs);
  }

  @Post('revocations')
  @RequireScopes('revocations:write')
  @WhenStale('deny')
  revoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay(this.route, request, reply);
  }

  @Get('keys')
  @RequireScopes('keys:read')
  listKeys(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay(this.route, request, reply);
  }

  @Post('keys/rotate')
  @RequireScopes('keys:rotate')
  @WhenStale('deny')
  rotateKeys(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay(this.route, request, reply);
  }

  /** Not refused for being behind: a key that has leaked is used now. */
  @Post('keys/:kid/compromise')
  @RequireScopes('keys:compromise')
  @WhenStale({ allowForSeconds: 900 })
  compromiseKey(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay(this.route, request, reply);
  }
}
