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

/** What the gateway says itself, or nobody. */
const SET_BY_THE_GATEWAY = new Set(['host', 'content-length', 'expect', 'authorization', 'cookie', 'x-transaction-id']);

/**
 * Headers by which some proxy, mesh or framework tells a service who calls, or what is called. A client could
 * spell them too.
 */
const IDENTITY_HEADERS = new Set([
  'forwarded',
  'via',
  'client-cert',
  'txn-token',
  'workload-identity-token',
  'workload-proof-token',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
]);
const IDENTITY_PREFIX =
  /^(?:remote|auth|authenticated|user|identity|principal|ssl|tls|client|jwt|token|oidc|cf-access|tailscale)-/;
/** The same in the names that everybody makes up: in an `x-…` header, such a part of a word, or such a word. */
const IDENTITY_PART =
  /user|auth|ident|principal|forward|credential|impersonat|session|token|jwt|cookie|account|tenant|email|permission/;
const IDENTITY_WORDS = new Set(
  (
    'access act actor admin amzn assertion behalf caller cert claim claims client consumer customer entitlements ' +
    'goog group groups iap ip method oidc org organization original override owner real remote rewrite role roles ' +
    'scope scopes sid ssl sub subject uid upn'
  ).split(' '),
);
/** Harmless, though what they begin with is not. */
const PASSED_ON = new Set(['user-agent']);

/**
 * What of a client's headers goes on to a service: a copy without what ends here, what only the gateway may
 * say, and everything that could pass for an identity.
 */
export function forwardedRequestHeaders(inbound: IncomingHttpHeaders): Headers {
  return copy(inbound, (name) => !SET_BY_THE_GATEWAY.has(name) && !isIdentityHeader(name));
}

/** A copy with nothing but the headers that are named. */
export function onlyHeaders(inbound: IncomingHttpHeaders, names: ReadonlySet<string>): Headers {
  return copy(inbound, (name) => names.has(name));
}

/** What of a service's headers goes back to the client. `Set-Cookie` only where cookies belong. */
export function returnedHeaders(outbound: IncomingHttpHeaders, cookies: 'kept' | 'dropped'): Headers {
  return copy(outbound, (name) => cookies === 'kept' || name !== 'set-cookie');
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

function isIdentityHeader(name: string): boolean {
  // CGI and WSGI make one of "-" and "_": what is spelt with the other means the same there.
  const spelt = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (PASSED_ON.has(spelt)) return false;
  if (IDENTITY_HEADERS.has(spelt) || IDENTITY_PREFIX.test(spelt)) return true;
  if (!spelt.startsWith('x-')) return false;
  return IDENTITY_PART.test(spelt) || spelt.split('-').some((word) => IDENTITY_WORDS.has(word));
}
