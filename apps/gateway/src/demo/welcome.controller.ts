import { Controller, Get, Headers, Inject, Optional, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type FastifyReply } from 'fastify';
import { ConsoleFiles } from '../console/console-files';
import { sendFile } from '../console/send-file';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { isDemo } from './demo-accounts.controller';
import { SERVICES } from './services';
import { type Welcome, WELCOME_PAGE_HEADERS, welcomePage } from './welcome-page';

/** The first thing that somebody sees: the console, or else what runs, where, and what to do next. */
@Controller()
export class WelcomeController {
  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Optional() @Inject(ConsoleFiles) private readonly files?: ConsoleFiles,
  ) {}

  @Public('Says what this is, and nothing that a caller could not find out anyway.')
  @Get()
  welcome(@Headers('accept') accept: string | undefined, @Res() reply: FastifyReply) {
    const isPage = accept?.includes('text/html');
    if (isPage && this.files) return sendFile(reply, this.files.page, ['accept']);
    const welcome = this.describe();
    reply.header('vary', 'accept').header('cache-control', 'no-store');
    if (!isPage) return reply.send(welcome);
    return reply.headers(WELCOME_PAGE_HEADERS).send(welcomePage(welcome));
  }

  private describe(): Welcome {
    const here = this.config.ISSUER;
    const demo = isDemo(this.config);
    const where = {
      gateway: here,
      auth: `${here}/.well-known/jwks.json`,
      resource: `${here}/api/documents`,
      audit: 'RPC only',
    };
    return {
      name: 'Token Relay',
      services: SERVICES.map(({ name, does }) => ({ name, does, where: where[name] })),
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
