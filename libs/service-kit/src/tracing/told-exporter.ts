import { type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { type Logger } from '../logger';

/** Of `ExportResultCode` in @opentelemetry/core. */
const SUCCESS = 0;
type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** How long the log says nothing more of a collector that is away. */
const QUIET_MS = 60_000;

/** Longer than an exporter tries, by default (10 s), and shorter than the SDK waits: whoever answers so slowly never ends. */
const LIMIT_MS = 20_000;

/** Hands spans to a collector, and tells once in a while that it doesn't take them: they are lost then. */
export class ToldExporter implements SpanExporter {
  #lost = 0;
  #toldAt = -Infinity;

  /**
   * @param now by `performance.now()`
   * @param limitMs how long a batch may take
   */
  constructor(
    private readonly exporter: SpanExporter,
    private readonly logger: Logger,
    private readonly now: () => number = () => performance.now(),
    private readonly limitMs = LIMIT_MS,
  ) {}

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    let isDecided = false;
    const decide = (error: Error | undefined, isTaken = false): void => {
      if (isDecided) return;
      isDecided = true;
      clearTimeout(limit);
      if (isTaken) this.#taken();
      else this.#refused(spans.length, error);
      // Whoever asks would tell it each time.
      done({ code: SUCCESS });
    };
    // An answer that trickles is never over: the exporter's own limit is for one that pauses.
    const late = new Error(`no answer within ${this.limitMs} ms`);
    const limit = setTimeout(() => decide(late), this.limitMs).unref();
    this.exporter.export(spans, ({ code, error }) => decide(error, (code as number) === SUCCESS));
  }

  forceFlush(): Promise<void> {
    return this.exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  #refused(spans: number, error: Error | undefined): void {
    this.#lost += spans;
    if (this.now() - this.#toldAt < QUIET_MS) return;
    this.#toldAt = this.now();
    this.logger.warn({ lost: this.#lost, reason: reasonOf(error) }, 'traces can not be delivered');
  }

  #taken(): void {
    if (this.#lost === 0) return;
    this.logger.info({ lost: this.#lost }, 'traces are delivered again');
    this.#lost = 0;
    this.#toldAt = -Infinity;
  }
}

/** Without what the collector may have said. */
function reasonOf(error: (Error & { code?: unknown }) | undefined): string {
  const { code, message = '' } = error ?? {};
  return [code, message].filter((part) => typeof part === 'number' || (typeof part === 'string' && part)).join(' ');
}
