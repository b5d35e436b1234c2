import { type Span, SpanKind } from '@opentelemetry/api';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { beginCallSpan, noteFailure } from './call-span';
import { type CallState } from './call-state';
import { isTraceparent, TRACEPARENT_HEADER } from './context-hints';

/**
 * Begins the span of a request, which ends with its answer (OpenTelemetry's semantic conventions for HTTP). It says nothing
 * of what stands in the query and in headers, nor for whom the request is; and of the path only where there is a route for
 * it, for anything may stand in others.
 *
 * @param route the template of its route, if that is known already
 */
export function traceRequest(
  call: CallState,
  request: IncomingMessage,
  response: ServerResponse,
  route?: string,
): void {
  const span = beginCallSpan(call, () => ({
    name: nameOf(request, route),
    kind: SpanKind.SERVER,
    attributes: {
      'http.request.method': request.method ?? '',
      'url.scheme': 'encrypted' in request.socket ? 'https' : 'http',
      ...(route !== undefined && { 'http.route': route, 'url.path': pathOf(request) }),
    },
    linked: linkOf(call, request),
  }));
  if (!span) return;
  // Express changes it on the way.
  const path = pathOf(request);
  response.once('close', () => {
    if (route === undefined) nameLater(span, request, path);
    conclude(span, response);
    span.end();
  });
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

/** Where a trace begins, what a client says of its own: to find that by, and to believe nothing of. */
function linkOf({ hints }: CallState, { headers }: IncomingMessage): string | undefined {
  const { [TRACEPARENT_HEADER]: sent } = headers;
  return hints.traceparent === undefined && typeof sent === 'string' && isTraceparent(sent) ? sent : undefined;
}

function conclude(span: Span, response: ServerResponse): void {
  const { statusCode, headersSent, destroyed } = response;
  if (headersSent) {
    span.setAttribute('http.response.status_code', statusCode);
    if (statusCode >= 500) noteFailure(span, String(statusCode));
  } else if (destroyed) {
    // The client has gone: that is no failure of ours.
    span.setAttribute('error.type', 'client_gone');
  } else {
    // Somebody has taken the connection, for a WebSocket.
    span.setAttribute('http.response.status_code', 101);
  }
}

/** Express knows when it is done. */
function nameLater(
  span: Span,
  request: IncomingMessage & { route?: { path?: unknown }; baseUrl?: string },
  path: string,
): void {
  const template = request.route?.path;
  if (typeof template !== 'string') return;
  const route = `${request.baseUrl ?? ''}${template}`;
  span.updateName(nameOf(request, route)).setAttributes({ 'http.route': route, 'url.path': path });
}

function nameOf({ method = '' }: IncomingMessage, route: string | undefined): string {
  return route === undefined ? method : `${method} ${route}`;
}
