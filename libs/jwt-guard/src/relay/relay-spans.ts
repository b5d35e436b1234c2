import { type Context } from '@opentelemetry/api';
import { type MonoTypeOperatorFunction, tap } from 'rxjs';
import { TRACEPARENT_HEADER } from '../nest/context-hints';
import { patternText, RPC_SYSTEM } from '../nest/rpc-span';
import { currentTracer } from '../nest/trace';
import { type ClientSpan, startClientSpan } from './client-span';
import { type ResolvedContract } from './relay-options';
import { type RelayReport } from './relay-report';
import { type Grant } from './token-endpoint';
import { type RelayHeaders } from './token-relay';

/** The span of one request to a destination over HTTP. */
export function requestSpan(
  { name, baseUrl = '' }: ResolvedContract,
  { method, path }: { readonly method: string; readonly path: string },
  report: RelayReport,
): ClientSpan | undefined {
  if (!currentTracer()) return undefined;
  return startClientSpan(`${method} ${name}`, {
    'http.request.method': method,
    'url.full': `${baseUrl}${path.split('?', 1)[0]}`,
    ...serverOf(baseUrl),
    ...relayed(report),
  });
}

/** The span of one message to a destination. */
export function messageSpan(
  pattern: unknown,
  report: RelayReport,
  { place, isAnswered }: { readonly place: Context; readonly isAnswered: boolean },
): ClientSpan | undefined {
  if (!currentTracer()) return undefined;
  const method = patternText(pattern);
  const attributes = { 'rpc.system.name': RPC_SYSTEM, 'rpc.method': method, ...relayed(report) };
  return startClientSpan(`${report.destination} ${method}`, attributes, { place, isAnswered });
}

/** The span of one request for a token; what is at hand has none. */
export function grantSpan(tokenEndpoint: string, form: Grant['form']): ClientSpan | undefined {
  if (!currentTracer()) return undefined;
  const { origin, pathname } = new URL(tokenEndpoint);
  return startClientSpan('POST token endpoint', {
    'http.request.method': 'POST',
    'url.full': origin + pathname,
    ...serverOf(origin),
    'token_relay.grant_type': form.grant_type ?? '',
    'token_relay.audience': form.audience ?? '',
  });
}

function relayed({ destination, mode, cached }: RelayReport) {
  return { 'token_relay.destination': destination, 'token_relay.mode': mode, 'token_relay.token_cached': cached };
}

function serverOf(origin: string) {
  const { hostname, port, protocol } = new URL(origin);
  return { 'server.address': hostname, 'server.port': Number(port || (protocol === 'https:' ? 443 : 80)) };
}

/** What a call carries: the span is who calls, as far as its destination can see. */
export function withSpan(headers: RelayHeaders, span: ClientSpan | undefined): RelayHeaders {
  return span ? { ...headers, [TRACEPARENT_HEADER]: span.traceparent } : headers;
}

/**
 * Ends the span with the last of the answers, or when nobody wants more of them.
 *
 * @param told what an error is told as
 */
export function endWithAnswers<Answer>(
  span: ClientSpan | undefined,
  told: (error: unknown) => unknown,
): MonoTypeOperatorFunction<Answer> {
  if (!span) return (answers) => answers;
  let isAnswered = false;
  return tap({
    next: () => (isAnswered = true),
    complete: () => span.answered(),
    error: (error: unknown) => span.failed(told(error)),
    unsubscribe: () => (isAnswered ? span.answered() : span.failed('abandoned')),
  });
}
