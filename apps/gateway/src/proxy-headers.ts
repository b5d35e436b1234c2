import { type IncomingHttpHeaders } from 'node:http';

export type Headers = Record<string, string | string[]>;

/** They are about one connection, and end with it (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/**
 * What a client may say to a service behind the gateway. A list of what passes, and not of what doesn't: there is no
 * end of names by which some proxy, mesh or framework tells a service who calls (`X-User-Id`, `Remote-User`,
 * `Impersonate-User`, `X-Forwarded-Client-Cert`, …), and a client can spell each of them in many ways.
 */
const FORWARDED = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-range',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-event-id',
  'origin',
  'pragma',
  'prefer',
  'range',
  'referer',
  'user-agent',
  'x-correlation-id',
  'x-request-id',
]);

/**
 * What says something to whoever holds our token, or reaches the service itself, and nothing to our client. `Alt-Svc` and
 * `Refresh` would lead it past the gateway; the others speak for the whole of its origin, on which all services are:
 * `Clear-Site-Data` of one would end the session of all.
 */
const OURS = new Set([
  'authorization',
  'www-authenticate',
  'proxy-authenticate',
  'set-cookie2',
  'alt-svc',
  'refresh',
  'clear-site-data',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'access-control-allow-private-network',
  'service-worker-allowed',
  'strict-transport-security',
  'public-key-pins',
  'nel',
  'report-to',
  'reporting-endpoints',
  'origin-agent-cluster',
  'server',
  'x-powered-by',
  'txn-token',
]);

/** What of a client's headers goes on to a service. */
export function forwardedRequestHeaders(inbound: IncomingHttpHeaders): Headers {
  return onlyHeaders(inbound, FORWARDED);
}

/** A copy with nothing but the headers that are named. */
export function onlyHeaders(inbound: IncomingHttpHeaders, names: ReadonlySet<string>): Headers {
  return copy(inbound, (name) => names.has(name));
}

/** What of a service's headers goes back to the client. `Set-Cookie` only where cookies belong. */
export function returnedHeaders(outbound: IncomingHttpHeaders, cookies: 'kept' | 'dropped'): Headers {
  return copy(outbound, (name) => !OURS.has(name) && (cookies === 'kept' || name !== 'set-cookie'));
}

function copy(headers: IncomingHttpHeaders, wanted: (name: string) => boolean): Headers {
  const named = listedInConnection(headers.connection);
  const copied: Headers = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || HOP_BY_HOP.has(name) || named?.has(name) || !wanted(name)) continue;
    copied[name] = value;
  }
  return copied;
}

/** `Connection` names further headers that end with the connection. */
function listedInConnection(connection: string | string[] | undefined): Set<string> | undefined {
  if (connection === undefined) return undefined;
  const listed = String(connection).toLowerCase();
  if (listed === 'keep-alive' || listed === 'close') return undefined;
  return new Set(listed.split(',').map((name) => name.trim()));
}
