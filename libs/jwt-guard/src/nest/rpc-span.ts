import { type Span, SpanKind } from '@opentelemetry/api';
import { finalize, isObservable, tap } from 'rxjs';
import { beginCallSpan, noteFailure } from './call-span';
import { type CallState } from './call-state';
import { CODE } from './trace';

/** How Nest's microservices call each other, as attributes say it (`rpc.system.name`). */
export const RPC_SYSTEM = 'nestjs';

/** @param pattern of the handler, and not what a message says: there are no others than handlers are for */
export function beginMessageSpan(call: CallState, pattern: unknown, isEvent: boolean): Span | undefined {
  return beginCallSpan(call, () => {
    const name = patternText(pattern);
    return {
      name,
      kind: isEvent ? SpanKind.CONSUMER : SpanKind.SERVER,
      attributes: { 'rpc.system.name': RPC_SYSTEM, 'rpc.method': name },
    };
  });
}

export function patternText(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
}

/** Runs a handler, and ends the span with the last of its answers. */
export function endWith(span: Span, handle: () => unknown): unknown {
  try {
    return ended(span, handle());
  } catch (error) {
    fail(span, error);
    span.end();
    throw error;
  }
}

function ended(span: Span, result: unknown): unknown {
  if (result instanceof Promise) {
    return result.then(
      (value: unknown) => ended(span, value),
      (error: unknown) => {
        fail(span, error);
        span.end();
        throw error;
      },
    );
  }
  if (!isObservable(result)) {
    span.end();
    return result;
  }
  return result.pipe(
    tap({ error: (error: unknown) => fail(span, error) }),
    finalize(() => span.end()),
  );
}

/** @param error what is answered: an object like `RpcRefusal`, unless the app has a filter of its own */
function fail(span: Span, error: unknown): void {
  const { code, status } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown;
    status?: unknown;
  };
  if (typeof code === 'string') span.setAttribute(CODE, code);
  const isCallers = typeof status === 'number' && status < 500;
  if (!isCallers) noteFailure(span, typeof code === 'string' ? code : '_OTHER');
}
