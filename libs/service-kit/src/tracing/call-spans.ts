import { SpanKind } from '@opentelemetry/api';
import { type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { AsyncLocalStorage } from 'node:async_hooks';
import { shortened } from '../logging/shortened';

/** Passes on what calls are about, without secrets: probes come every few seconds, and say nothing. */
export class CallSpans implements SpanProcessor {
  /** Where a batch is sent is no matter of the call that happens to fill it. */
  readonly #outside = AsyncLocalStorage.snapshot();

  /** @param clean cuts secrets out of what a span says */
  constructor(
    private readonly batches: SpanProcessor,
    private readonly clean: (text: string) => string,
  ) {}

  onStart(...parameters: Parameters<SpanProcessor['onStart']>): void {
    this.batches.onStart(...parameters);
  }

  onEnd(span: ReadableSpan): void {
    if (isProbe(span)) return;
    this.#cleanse(span);
    this.#outside(() => this.batches.onEnd(span));
  }

  forceFlush(): Promise<void> {
    return this.batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.batches.shutdown();
  }

  /** A path is of a route, but whoever calls writes it. */
  #cleanse({ attributes }: ReadableSpan): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'string') attributes[name] = shortened(this.clean(value), this.clean);
    }
  }
}

const PROBES: ReadonlySet<unknown> = new Set(['/healthz', '/readyz']);

function isProbe({ kind, attributes }: ReadableSpan): boolean {
  return kind === SpanKind.SERVER && PROBES.has(attributes['url.path']);
}
