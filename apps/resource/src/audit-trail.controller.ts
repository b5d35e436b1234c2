import { Controller, Get, Inject, Query } from '@nestjs/common';
import { RequireScopes } from '@token-relay/jwt-guard';
import { validated } from '@token-relay/service-kit';
import { z } from 'zod';
import { AuditClient } from './audit.client';

const page = z.object({
  limit: z.coerce
    .number('must be a number')
    .int('must be whole')
    .min(1, 'is too small')
    .max(100, 'is too large')
    .default(20),
});

/** The latest audit entries, for auditors. */
@Controller('audit')
export class AuditTrailController {
  constructor(@Inject(AuditClient) private readonly audit: AuditClient) {}

  @Get()
  @RequireScopes('audit:read')
  list(@Query(validated(page)) { limit }: z.infer<typeof page>): Promise<{ entries: unknown[] }> {
    return this.audit.list(limit);
  }
}
