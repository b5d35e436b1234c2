import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { currentPrincipal, type RelayClientProxy, type TokenRelay } from '@token-relay/jwt-guard';
import { type HeardRevocation, type Hop } from '@token-relay/service-kit';
import { firstValueFrom } from 'rxjs';
import { type AuditDestination } from './destinations';

const HEARD_TIMEOUT_MS = 1_000;

/** Calls audit on behalf of whoever made the current call. */
@Injectable()
export class AuditClient implements OnApplicationShutdown {
  constructor(
    private readonly clients: Readonly<Record<AuditDestination, RelayClientProxy>>,
    private readonly relay: Pick<TokenRelay, 'runAsService'>,
  ) {}

  async record(action: string, target: string): Promise<void> {
    await this.send('audit.record', { action, target });
  }

  list(limit: number): Promise<{ entries: unknown[] }> {
    return this.send('audit.list', { limit });
  }

  /** @param explain whether it is to say why it took the token */
  whoami(explain: boolean): Promise<{ hops: Hop[] }> {
    return this.send('audit.whoami', { explain });
  }

  /** For this service itself, whoever called. How long ago things were heard is made what it is when this returns. */
  async heardRevocations(): Promise<readonly HeardRevocation[]> {
    const begun = performance.now();
    const { heard } = await this.relay.runAsService(() =>
      firstValueFrom(
        this.clients.auditForItself.send<{ heard: readonly HeardRevocation[] }>(
          'revocations.heard',
          {},
          { timeoutMs: HEARD_TIMEOUT_MS },
        ),
      ),
    );
    // It was said on half of the way, as far as anybody can tell.
    const sinceMs = (performance.now() - begun) / 2;
    return heard.map((revocation) => ({ ...revocation, agoMs: revocation.agoMs + sinceMs }));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(Object.values(this.clients).map((client) => client.onApplicationShutdown()));
  }

  private send<Answer>(pattern: string, data: object): Promise<Answer> {
    // A transaction token is passed on as it is; there is no exchanging it.
    const isTransaction = currentPrincipal()?.transactionId !== undefined;
    const client = this.clients[isTransaction ? 'auditInTransaction' : 'audit'];
    return firstValueFrom(client.send<Answer>(pattern, data));
  }
}
