import {
  type Context,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';

/** What spans of this library are said to be by, which is the name of their instrumentation scope. */
const SCOPE = '@token-relay/jwt-guard';

/** Names of attributes that are this library's own. */
export const TRANSACTION_ID = 'token_relay.transaction_id';
export const CODE = 'token_relay.code';

/** As much of the API's `ProxyTracerProvider`, which is always there, as is needed here. */
interface MaybeProxy extends TracerProvider {
  getDelegateTracer?(name: string): Tracer | undefined;
}

/**
 * By whom spans are recorded; `undefined` where the process has no SDK of OpenTelemetry. Asked each time: an SDK may be
 * started after this library.
 */
export function currentTracer(): Tracer | undefined {
  const provider: MaybeProxy = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}

/**
 * Where nothing belongs to a call: a connection that is opened there for others too. What a team's instrumentation of
 * HTTP clients would make of it is left out, for the span is made here, and its `traceparent` must not stand there twice.
 */
export const OUTSIDE: Context = ROOT_CONTEXT.setValue(
  // As `suppressTracing` of @opentelemetry/core does it, which comes with an SDK only.
  createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
  true,
);

/** Runs it where its spans belong; where it is, if that is `undefined`. */
export function within<Result>(place: Context | undefined, run: () => Result): Result {
  return place === undefined || place === context.active() ? run() : context.with(place, run);
}

/** Of the span that is under way; `undefined` where there is none. */
export function activeTraceparent(): string | undefined {
  const span = trace.getActiveSpan();
  return span && traceparentOf(span);
}

/** Of a place that has a span. */
export function traceparentIn(place: Context): string {
  return traceparentOf(trace.getSpan(place) ?? trace.wrapSpanContext(INVALID_SPAN_CONTEXT));
}

/** Notes there what a call was refused for. */
export function noteRefusal(place: Context, code: string): void {
  trace.getSpan(place)?.setAttribute(CODE, code);
}

export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** @param traceparent of the form that W3C Trace Context gives it */
export function remoteSpan(traceparent: string): SpanContext {
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    // Of the others nothing is known here.
    traceFlags: Number.parseInt(traceparent.slice(53), 16) & 1,
    isRemote: true,
  };
}

/** Where the spans of what comes of a caller's span belong. */
export function under(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remoteSpan(traceparent));
}
