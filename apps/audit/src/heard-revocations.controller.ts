import { Controller, Inject } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';
import { type HeardRevocation, requireService, RevocationWatch } from '@token-relay/service-kit';

/** What was revoked of late, and how long ago this service has heard of it: for resource itself, and no user. */
@Controller()
export class HeardRevocationsController {
  constructor(@Inject(RevocationWatch) private readonly watch: RevocationWatch) {}

  @MessagePattern('revocations.heard')
  @RequireScopes('revocations:read')
  heard(@CurrentPrincipal() caller: Principal): { heard: readonly HeardRevocation[] } {
    requireService(caller, 'resource');
    return { heard: this.watch.heard };
  }
}
