import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type RevocationSource } from '@token-relay/jwt-guard';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';
import { type CommonConfig } from './config';
import { type Logger } from './logger';

const SETTINGS = Symbol('metrics-settings');

interface MetricsSettings {
  readonly config: Pick<CommonConfig, 'METRICS_PORT' | 'HOST'>;
  readonly revocations: RevocationSource;
  readonly logger: Pick<Logger, 'info'>;
}

/**
 * What Prometheus reads, on a port of its own: whoever may call the service needn't see it. Nothing listens unless
 * `METRICS_PORT` is set.
 */
@Module({})
export class MetricsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  #server: Server | undefined;

  constructor(@Inject(SETTINGS) private readonly settings: MetricsSettings) {}

  static forRoot(settings: MetricsSettings): DynamicModule {
    return { module: MetricsModule, providers: [{ provide: SETTINGS, useValue: settings }] };
  }

  async onApplicationBootstrap(): Promise<void> {
    const { config, revocations, logger } = this.settings;
    if (config.METRICS_PORT === undefined) return;
    const registry = revocationMetrics(revocations);
    this.#server = createServer((request, response) => {
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
    this.#server.listen(config.METRICS_PORT, config.HOST);
    await once(this.#server, 'listening');
    const { address, port } = this.#server.address() as AddressInfo;
    logger.info({ metrics: `http://${address}:${port}/metrics` }, 'metrics');
  }

  onApplicationShutdown(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

/** How far behind a service is with what was revoked, how much of it there is, and how often it was of use. */
export function revocationMetrics(source: RevocationSource): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'token_relay_revocation_lag_seconds',
    help: 'What was revoked in this time may not be known here yet; +Inf before anything is.',
    registers,
    collect() {
      this.set(source.ageSeconds ?? 0);
    },
  });
  new Gauge({
    name: 'token_relay_revocation_entries',
    help: 'Revocations that are known here.',
    registers,
    collect() {
      this.set(source.stats?.entries ?? 0);
    },
  });
  new Counter({
    name: 'token_relay_revocation_hits_total',
    help: 'Tokens that were refused because they were revoked.',
    registers,
    collect() {
      this.reset();
      this.inc(source.stats?.hits ?? 0);
    },
  });
  return registry;
}
