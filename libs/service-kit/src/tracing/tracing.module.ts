import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type CommonConfig } from '../config';
import { type Logger } from '../logger';
import { secretsIn } from '../logging/secrets';
import { startTracing, type Tracing } from './tracing';

export interface TracingModuleOptions {
  /** What the service is called in traces. */
  readonly service: string;
  /** Of the service, with all that is a secret in it: no span may hold that. */
  readonly config: Pick<CommonConfig, 'OTEL_EXPORTER_OTLP_ENDPOINT'>;
  readonly logger: Logger;
}

const TRACING = Symbol('tracing');

/** Sends the spans of the service to `OTEL_EXPORTER_OTLP_ENDPOINT`; without that there are none, and no SDK. */
@Module({})
export class TracingModule implements OnApplicationShutdown {
  constructor(@Inject(TRACING) private readonly tracing: Tracing | null) {}

  static forRoot({ service, config, logger }: TracingModuleOptions): DynamicModule {
    const { OTEL_EXPORTER_OTLP_ENDPOINT: collector } = config;
    const useFactory = (): Promise<Tracing> | null =>
      collector === undefined ? null : startTracing({ service, collector, logger, secrets: secretsIn(config) });
    return { module: TracingModule, providers: [{ provide: TRACING, useFactory }] };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tracing?.close();
  }
}
