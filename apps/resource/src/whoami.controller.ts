import { Controller, Get, Inject } from '@nestjs/common';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';
import { type Hop, hopOf } from '@token-relay/service-kit';
import { AuditClient } from './audit.client';

/** What this service and the next know of the caller, each from the token that it got. */
@Controller('whoami')
export class WhoamiController {
  constructor(@Inject(AuditClient) private readonly audit: AuditClient) {}

  @Get()
  @RequireScopes('documents:read')
  async whoami(@CurrentPrincipal() principal: Principal): Promise<{ hops: Hop[] }> {
    const { hops } = await this.audit.whoami();
    return { hops: [hopOf('resource', principal), ...hops] };
  }
}
