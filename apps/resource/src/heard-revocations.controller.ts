import { Controller, Get, Inject } from '@nestjs/common';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';
import { type HeardRevocation, requireService, RevocationWatch } from '@token-relay/service-kit';
import { AuditClient } from './audit.client';

/** What each service from here on has heard; of one that can't be asked there is nothing. */
export interface HeardByService {
  readonly resource: readonly HeardRevocation[];
  readonly audit?: readonly HeardRevocation[];
}

/** What was revoked of late, and how long ago each service has heard of it: for the gateway itself, and no user. */
@Controller('revocations')
export class HeardRevocationsController {
  constructor(
    @Inject(RevocationWatch) private readonly watch: RevocationWatch,
    @Inject(AuditClient) private readonly audit: AuditClient,
  ) {}

  @Get('heard')
  @RequireScopes('revocations:read')
  async heard(@CurrentPrincipal() caller: Principal): Promise<HeardByService> {
    requireService(caller, 'gateway');
    // What this service has heard counts, whatever the next one does.
    const audit = await this.audit.heardRevocations().catch(() => undefined);
    return { resource: this.watch.heard, ...(audit && { audit }) };
  }
}
