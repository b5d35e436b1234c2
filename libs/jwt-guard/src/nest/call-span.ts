import {
  type Attributes,
  context,
  type Link,
  type Span,
  type SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { runInContext } from '../relay/relay-context';
import { type CallState } from './call-state';
import { currentTracer, remoteSpan, TRANSACTION_ID, under } from './trace';

export interface CallSpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** A `traceparent` that isn't believed: the span has none above it, and says where it came from. */
  readonly linked?: string | undefined;
}

/**
 * Begins the span of a call: below the caller's where hints count, of a trace that begins here where they don't. Where
 * something else has begun one for it, the app's instrumentation of its HTTP server, that one is the call's.
 *
 * @returns the span, for whoever has to end it; `undefined` where nobody has to
 */
export function beginCallSpan(call: CallState, describe: () => CallSpanOptions): Span | undefined {
  const tracer = currentTracer();
  if (!tracer) return undefined;
  const active = context.active();
  const begun = trace.getSpan(active);
  if (begun) {
    begun.setAttribute(TRANSACTION_ID, call.transactionId);
    call.place = active;
    return undefined;
  }
  const { name, kind, attributes, linked } = describe();
  const links: Link[] = linked === undefined ? [] : [{ context: remoteSpan(linked) }];
  const options = { kind, links, attributes: { ...attributes, [TRANSACTION_ID]: call.transactionId } };
  const parent = under(call.hints.traceparent);
  // Within the call: who makes ids can give the trace that of the transaction.
  const span = runInContext(call, () => tracer.startSpan(name, options, parent));
  call.place = trace.setSpan(parent, span);
  return span;
}

/** Notes that the service has failed, and not its caller. */
export function noteFailure(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}
