import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { currentRelayContext } from '@token-relay/jwt-guard';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger } from '../logger';
import { withoutSecrets } from '../logging/secrets';
import { CallSpans } from './call-spans';
import { ToldExporter } from './told-exporter';

/** How long the last spans may take to be delivered at the end. */
const FLUSH_LIMIT_MS = 2_000;

export interface TracingOptions {
  /** What the service is called in traces, unless `OTEL_SERVICE_NAME` says it. */
  readonly service: string;
  /** Base URL of an OTLP collector over HTTP. */
  readonly collector: string;
  readonly logger: Logger;
  /** Secrets of the service, each as it is: no span may hold them. Default: none. */
  readonly secrets?: readonly string[];
}

/** Where spans go while the service runs. */
export interface Tracing {
  /** Delivers what there is, for 2 s at most, and records no more. */
  close(): Promise<void>;
}

/**
 * Starts the SDK of OpenTelemetry, which is loaded here and nowhere else: spans of this process go to a collector, in
 * batches. What the SDK reads from the environment itself – `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_EXPORTER_OTLP_HEADERS`
 * and others – counts.
 */
export async function startTracing({ service, collector, logger, secrets = [] }: TracingOptions): Promise<Tracing> {
  const [sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  // Of settings that make no sense; it goes on with a default.
  const told = (message: string): void => logger.warn({ reason: message }, 'OpenTelemetry');
  diag.setLogger({ error: told, warn: told, info: told, debug: told, verbose: told }, DiagLogLevel.ERROR);
  const fromEnvironment = resources.detectResources({ detectors: [resources.envDetector] });
  const url = `${collector.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new ToldExporter(new OTLPTraceExporter({ url }), logger);
  const random = new sdk.RandomIdGenerator();
  const provider = new sdk.NodeTracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': service }))
      .merge(fromEnvironment),
    idGenerator: {
      // A trace that begins with a call has the id of its transaction, so that either leads to the other.
      generateTraceId: () => currentRelayContext()?.traceparent.slice(3, 35) ?? random.generateTraceId(),
      generateSpanId: () => random.generateSpanId(),
    },
    spanProcessors: [new CallSpans(new sdk.BatchSpanProcessor(exporter), withoutSecrets(secrets))],
  });
  provider.register();
  return {
    async close() {
      await Promise.race([provider.shutdown(), sleep(FLUSH_LIMIT_MS, undefined, { ref: false })]);
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    },
  };
}
