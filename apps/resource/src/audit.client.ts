import { Injectable } from '@nestjs/common';
import { type RelayClientProxy } from '@token-relay/jwt-guard';
import { type Hop } from '@token-relay/service-kit';
import { firstValueFrom } from 'rxjs';

/** Calls audit on behalf of whoever made the current call. */
@Injectable()
export class AuditClient {
  constructor(private readonly client: RelayClientProxy) {}

  async record(action: string, target: string): Promise<void> {
    await firstValueFrom(this.client.send('audit.record', { action, target }));
  }

  list(limit: number): Promise<{ entries: unknown[] }> {
    return firstValueFrom(this.client.send('audit.list', { limit }));
  }

  whoami(): Promise<{ hops: Hop[] }> {
    return firstValueFrom(this.client.send('audit.whoami', {}));
  }
}
