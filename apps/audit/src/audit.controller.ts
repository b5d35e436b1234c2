import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal, RequireActor, RequireScopes, RequireToken } from '@token-relay/jwt-guard';
import { ExplainedCalls, type Hop, hopOf, validated } from '@token-relay/service-kit';
import { z } from 'zod';
import { type AuditEntry, AuditLog } from './audit-log';

const entry = z.object({
  action: z.string().regex(/^[a-z]+(\.[a-z]+)+$/),
  target: z.string().max(256).optional(),
});
const page = z.object({ limit: z.number().int().min(1).max(100).default(20) });
const whoami = z.object({ explain: z.boolean().default(false) });

class AuditHandlers {
  constructor(
    @Inject(AuditLog) private readonly log: AuditLog,
    @Inject(ExplainedCalls) private readonly explained: ExplainedCalls,
  ) {}

  @MessagePattern('audit.whoami')
  async whoami(
    @Payload(validated(whoami)) { explain }: z.infer<typeof whoami>,
    @CurrentPrincipal() principal: Principal,
  ): Promise<{ hops: Hop[] }> {
    const explained = explain ? await this.explained.traceOf() : {};
    return { hops: [{ ...hopOf('audit', principal), ...explained }] };
  }

  @MessagePattern('audit.record')
  async record(
    @Payload(validated(entry)) { action, target }: z.infer<typeof entry>,
    @CurrentPrincipal() principal: Principal,
  ): Promise<Pick<AuditEntry, 'id' | 'recordedAt'>> {
    const { id, recordedAt } = await this.log.record(principal, action, target);
    return { id, recordedAt };
  }

  @MessagePattern('audit.list')
  @RequireScopes('audit:read')
  async list(@Payload(validated(page)) { limit }: z.infer<typeof page>): Promise<{ entries: readonly AuditEntry[] }> {
    return { entries: await this.log.latest(limit) };
  }
}

/**
 * Only resource may call here, on behalf of a user. That is said by actor: a scope would have to be given to
 * the users, who could then call by themselves.
 */
@Controller()
@RequireActor('resource')
export class AuditController extends AuditHandlers {}

/** For `RELAY_MODE=forward`, in which nobody can tell who calls: whoever has a user's token may. */
@Controller()
@RequireToken()
export class AnybodysAuditController extends AuditHandlers {}
