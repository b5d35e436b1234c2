import { Controller, Get, Inject, Query } from '@nestjs/common';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';
import { ExplainedCalls, type Hop, hopOf } from '@token-relay/service-kit';
import { AuditClient } from './audit.client';

/** What this service and the next know of the caller, each from the token that it got. */
@Controller('whoami')
export class WhoamiController {
  constructor(
    @Inject(AuditClient) private readonly audit: AuditClient,
    @Inject(ExplainedCalls) private readonly explained: ExplainedCalls,
  ) {}

  /** @param explain `1` for why each of them took it, where `EXPLAIN_CALLS` lets it say that */
  @Get()
  @RequireScopes('documents:read')
  async whoami(@CurrentPrincipal() principal: Principal, @Query('explain') explain?: string): Promise<{ hops: Hop[] }> {
    const isExplained = explain === '1';
    const { hops } = await this.audit.whoami(isExplained);
    const explained = isExplained ? await this.explained.traceOf() : {};
    return { hops: [{ ...hopOf('resource', principal), ...explained }, ...hops] };
  }
}
