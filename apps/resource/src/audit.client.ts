import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { currentPrincipal, type RelayClientProxy } from '@token-relay/jwt-guard';
import { type Hop } from '@token-relay/service-kit';
import { firstValueFrom } from 'rxjs';

/** Calls audit on behalf of whoever made the current call. */
@Injectable()
export class AuditClient implements OnApplicationShutdown {
  constructor(
    private readonly audit: RelayClientProxy,
    private readonly auditInTransaction: RelayClientProxy,
  ) {}

  async record(action: string, target: string): Promise<void> {
    await this.send('audit.record', { action, target });
  }

  list(limit: number): Promise<{ entries: unknown[] }> {
    return this.send('audit.list', { limit });
  }

  whoami(): Promise<{ hops: Hop[] }> {
    return this.send('audit.whoami', {});
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.audit.onApplicationShutdown(), this.auditInTransaction.onApplicationShutdown()]);
  }

  private send<Answer>(pattern: string, data: object): Promise<Answer> {
    // A transaction token is passed on as it is; there is no exchanging it.
    const isTransaction = currentPrincipal()?.transactionId !== undefined;
    const client = isTransaction ? this.auditInTransaction : this.audit;
    return firstValueFrom(client.send<Answer>(pattern, data));
  }
}
