import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { RequireScopes, WhenStale } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { RelayProxy } from '../relay-proxy';

/** What operators do at auth, relayed with a token for auth: this list, and no prefix. */
@Controller('admin')
export class AdminController {
  constructor(@Inject(RelayProxy) private readonly proxy: RelayProxy) {}

  @Post('revocations')
  @RequireScopes('revocations:write')
  @WhenStale('deny')
  revoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('auth', request, reply);
  }

  @Get('keys')
  @RequireScopes('keys:read')
  listKeys(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('auth', request, reply);
  }

  @Post('keys/rotate')
  @RequireScopes('keys:rotate')
  @WhenStale('deny')
  rotateKeys(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('auth', request, reply);
  }

  /** Not refused for being behind: a key that has leaked is used now. */
  @Post('keys/:kid/compromise')
  @RequireScopes('keys:compromise')
  @WhenStale({ allowForSeconds: 900 })
  compromiseKey(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.proxy.relay('auth', request, reply);
  }
}
