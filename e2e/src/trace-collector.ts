import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Values = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];

/** As OTLP has it in JSON, as far as tests look. */
interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Values };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

export interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 2: of a server, 3: of a client. */
  readonly kind: number;
  readonly attributes: Values;
}

const PATIENCE_MS = 10_000;

/** A collector of traces (OTLP over HTTP, in JSON) on 127.0.0.1. */
export class TraceCollector {
  readonly spans: Span[] = [];
  /** All that was sent, as it came. */
  readonly bodies: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      this.bodies.push(body);
      this.#take(JSON.parse(body) as Batch);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  static async start(): Promise<TraceCollector> {
    const collector = new TraceCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The spans of the trace that has one of this name, when there are as many. */
  async trace(name: string, count: number): Promise<readonly Span[]> {
    let found: readonly Span[] = [];
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(20)) {
      const traceId = this.spans.find((span) => span.name === name)?.traceId;
      found = this.spans.filter((span) => span.traceId === traceId);
      if (found.length >= count) break;
    }
    return found;
  }

  #take({ resourceSpans }: Batch): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(attributesOf(resource)['service.name']);
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => ({ ...span, service })));
    }
  }
}

export function attributesOf({ attributes }: { readonly attributes: Values }): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A trace as a list, each span below the one that it comes of, and beside its like in the order of names. */
export function treeOf(spans: readonly Span[], parent?: string, depth = 0): string[] {
  const isRoot = ({ parentSpanId }: Span): boolean => !spans.some(({ spanId }) => spanId === parentSpanId);
  const here = spans.filter((span) => (parent === undefined ? isRoot(span) : span.parentSpanId === parent));
  return here
    .map((span) => ({ span, text: `${span.service}: ${span.name}` }))
    .sort((a, b) => a.text.localeCompare(b.text))
    .flatMap(({ span, text }) => [`${'  '.repeat(depth)}${text}`, ...treeOf(spans, span.spanId, depth + 1)]);
}
