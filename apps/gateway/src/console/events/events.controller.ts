import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import { CurrentPrincipal, type Principal, Public, RequireScopes } from '@token-relay/jwt-guard';
import { type FastifyReply } from 'fastify';
import { OwnNameGuard } from '../../demo/own-name.guard';
import { ConsoleStreams } from './console-streams';

/** What the gateway does while it does it, as server-sent events, for operators. */
@Controller('console/api/events')
export class EventsController {
  constructor(@Inject(ConsoleStreams) private readonly streams: ConsoleStreams) {}

  @Get()
  @RequireScopes('auth:admin')
  follow(@CurrentPrincipal() principal: Principal, @Res() reply: FastifyReply): void {
    this.streams.open(reply, principal);
  }
}

/** The same in the demo, for whoever is at the machine. */
@Controller('console/api/events')
@UseGuards(OwnNameGuard)
export class DemoEventsController {
  constructor(@Inject(ConsoleStreams) private readonly streams: ConsoleStreams) {}

  @Public('Names, numbers and times, and no token, on the machine of a developer.')
  @Get()
  follow(@Res() reply: FastifyReply): void {
    this.streams.open(reply);
  }
}
