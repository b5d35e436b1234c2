import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type FastifyReply } from 'fastify';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { isDemo } from './demo-accounts.controller';
import { type Welcome, WELCOME_PAGE_HEADERS, welcomePage } from './welcome-page';

/** The first thing that somebody sees: what runs, where, and what to do next. */
@Controller()
export class WelcomeController {
  constructor(@Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig) {}

  @Public('Says what this is, and nothing that a caller could not find out anyway.')
  @Get()
  welcome(@Headers('accept') accept: string | undefined, @Res() reply: FastifyReply) {
    const welcome = this.describe();
    reply.header('vary', 'accept').header('cache-control', 'no-store');
    if (!accept?.includes('text/html')) return reply.send(welcome);
    return reply.headers(WELCOME_PAGE_HEADERS).send(welcomePage(welcome));
  }

  private describe(): Welcome {
    const here = this.config.ISSUER;
    const demo = isDemo(this.config);
    return {
      name: 'Token Relay',
      services: [
        { name: 'gateway', does: 'the edge: verifies, then relays', where: here },
        {
          name: 'auth',
          does: 'logs in, publishes keys, exchanges tokens',
          where: `${here}/.well-known/jwks.json`,
        },
        { name: 'resource', does: 'documents: verifies again', where: `${here}/api/documents` },
        { name: 'audit', does: 'the second hop: who did what for whom', where: 'RPC only' },
      ],
      tryThis: [
        ...(demo ? [`PASSWORD=$(curl -s ${here}/demo/accounts | ${pick('[0].password')})`] : []),
        `TOKEN=$(curl -s ${here}/auth/login --json '{"username":"alice","password":"'$PASSWORD'"}' | ${pick('.access_token')})`,
        `curl -s ${here}/api/whoami -H "authorization: Bearer $TOKEN"`,
      ],
    };
  }
}

/** A command that reads JSON and prints one member of it. */
function pick(member: string): string {
  return `node -p 'JSON.parse(require("fs").readFileSync(0))${member}'`;
}
