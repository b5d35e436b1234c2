import { type Attributes, type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { isRefusal } from '../core/refusals';
import { CODE, currentTracer, traceparentOf, under } from '../nest/trace';
import { currentCall } from './relay-context';

/** A call to another service, as a span of the trace that the current call is part of. */
export interface ClientSpan {
  /** What the call has to carry as `traceparent`. */
  readonly traceparent: string;
  /**
   * Ends it with what the other service has answered.
   *
   * @param status of HTTP; from 400 on the span is one of an error
   */
  answered(status?: number): void;
  /**
   * Ends it without an answer.
   *
   * @param error whose code or name is noted, and nothing of what it says; or that name itself
   */
  failed(error: unknown): void;
}

export interface ClientSpanOptions {
  /** Whether an answer is waited for; else it is the span of an event. Default: true. */
  readonly isAnswered?: boolean;
  /** Where the span belongs. Default: where it is begun. */
  readonly place?: Context;
}

/**
 * Begins the span of a call to another service: for those that `RelayHttpClient` and `RelayClientProxy`, whose calls have
 * spans, don't make. Before the name or an attribute is chosen: neither may hold anything of a query, a header or a token.
 *
 * @param name of few possible values, as `GET reports`
 * @returns `undefined` where the process has no SDK of OpenTelemetry: then nothing is recorded, and it costs nothing
 */
export function startClientSpan(
  name: string,
  attributes: Attributes,
  { isAnswered = true, place = currentPlace() }: ClientSpanOptions = {},
): ClientSpan | undefined {
  const kind = isAnswered ? SpanKind.CLIENT : SpanKind.PRODUCER;
  const span = currentTracer()?.startSpan(name, { kind, attributes }, place);
  return span && new OpenClientSpan(span);
}

/** Where the spans of what the current call leads to belong. */
export function currentPlace(): Context {
  const active = context.active();
  const call = currentCall();
  // Of a call without a span: that of whoever has made it.
  return call === undefined || trace.getSpan(active) ? active : under(call.hints.traceparent);
}

class OpenClientSpan implements ClientSpan {
  readonly traceparent: string;

  constructor(private readonly span: Span) {
    this.traceparent = traceparentOf(span);
  }

  answered(status?: number): void {
    if (status !== undefined) this.span.setAttribute('http.response.status_code', status);
    if (status !== undefined && status >= 400) this.#mark(String(status));
    this.span.end();
  }

  failed(error: unknown): void {
    const code = codeOf(error);
    if (code !== undefined) this.span.setAttribute(CODE, code);
    this.#mark(code ?? (error instanceof Error ? error.name : typeof error === 'string' ? error : '_OTHER'));
    this.span.end();
  }

  #mark(type: string): void {
    this.span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
  }
}

/** Of a refusal, and of what another service has answered over RPC. */
function codeOf(error: unknown): string | undefined {
  if (isRefusal(error)) return error.code;
  const { code } = (typeof error === 'object' && error !== null && !(error instanceof Error) ? error : {}) as {
    code?: unknown;
  };
  return typeof code === 'string' ? code : undefined;
}
