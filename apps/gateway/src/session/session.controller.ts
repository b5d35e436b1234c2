import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { AuthProxy } from './auth-proxy';

/**
 * The session routes of auth: these and no others. They are the only ones on which cookies pass, so that the
 * browser sees one origin.
 */
@Controller()
@Public('Auth decides by the credentials, or the cookie, that these requests carry.')
export class SessionController {
  constructor(@Inject(AuthProxy) private readonly auth: AuthProxy) {}

  @Post(['auth/login', 'auth/refresh', 'auth/logout'])
  begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.auth.pass(request, reply, 'kept');
  }

  @Get('auth/sessions')
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.auth.pass(request, reply, 'kept');
  }

  @Delete(['auth/sessions', 'auth/sessions/:id'])
  end(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.auth.pass(request, reply, 'kept');
  }

  /** Keys and metadata, where the issuer's name says that they are. */
  @Get('.well-known/:document')
  wellKnown(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.auth.pass(request, reply, 'dropped');
  }
}
