import { type IncomingMessage } from 'node:http';
import { bearerChallenge } from '../../core/bearer-challenge';
import { extractToken } from '../../core/extract-token';
import { type Refusal, RETRY_AFTER_SECONDS, TokenRejected } from '../../core/refusals';
import { toProblem } from '../problem';
import { authorizationHeaders, sentHeaders } from '../sent-headers';
import { TRANSACTION_TOKEN_HEADER } from '../transaction-token';

/** The subprotocol that says: the next one in the list is a token. */
export const BEARER_PROTOCOL = 'bearer';

/**
 * The token of a request to open a socket: in `Sec-WebSocket-Protocol`, as `bearer, <token>`, which is all that a
 * browser's WebSocket can send, or in `Authorization`. Never in the URL.
 *
 * @returns `undefined` where there is none: it may come in the first message
 * @throws TokenRejected `token_in_url`, `token_repeated`, `authorization_repeated`, `authorization_malformed`
 */
export function upgradeToken(request: IncomingMessage): string | undefined {
  if (hasTokenInUrl(request.url ?? '')) throw new TokenRejected('token_in_url');
  const found = protocolsOf(request).flatMap((protocol, i, all) =>
    isBearer(all[i - 1]) && !isBearer(protocol) ? [protocol] : [],
  );
  const authorization = authorizationHeaders(request);
  if (authorization.length > 1 || /^bearer(\s|$)/i.test(authorization[0] ?? '')) {
    found.push(extractToken(authorization));
  }
  if (found.length + misplacedTokens(request).length > 1) throw new TokenRejected('token_repeated');
  return found[0];
}

/**
 * A socket is for whoever opens it, for as long as it is open; a transaction token is for a call.
 *
 * @throws TokenRejected `transaction_not_accepted`: passed over, the socket would be the service's own, and no user's
 */
export function refuseTransaction(request: IncomingMessage): void {
  if (sentHeaders(request, TRANSACTION_TOKEN_HEADER).length > 0) throw new TokenRejected('transaction_not_accepted');
}

/** The subprotocols that the client offers, without its token: the server chooses one of these, and says it aloud. */
export function offeredProtocols(protocols: Iterable<string>): string[] {
  return [...protocols].filter(
    (protocol, i, all) => isBearer(protocol) || !(isBearer(all[i - 1]) || JWT.test(protocol)),
  );
}

/** For a server that chooses the first subprotocol without asking: it mustn't be a token that its client put there. */
export function hideMisplacedTokens(request: IncomingMessage): void {
  if (misplacedTokens(request).length === 0) return;
  const offered = offeredProtocols(protocolsOf(request));
  if (offered.length > 0) request.headers['sec-websocket-protocol'] = offered.join(', ');
  else delete request.headers['sec-websocket-protocol'];
}

/**
 * Whether the page that opens the socket may: browsers say in `Origin` where it is from, and let any page connect
 * (RFC 6455, section 10.2).
 *
 * @param allowed `undefined` for the origin of the server itself
 */
export function isAllowedOrigin(request: IncomingMessage, allowed: ReadonlySet<string> | undefined): boolean {
  const { origin, host } = request.headers;
  // No browser, so no page of somebody else's.
  if (origin === undefined) return true;
  if (allowed) return allowed.has(origin);
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: ofPage } = new URL(origin);
  // Of any other scheme a page is no page of a server's, whatever its host is called; that of a file has none.
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  // The scheme is that of the page: where TLS ends in front of this server, it can't know its own.
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === ofPage;
}

/** An answer in place of a socket. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function upgradeAnswer(refusal: Refusal, realm: string, transactionId: string): UpgradeAnswer {
  const header: Record<string, string> =
    refusal instanceof TokenRejected
      ? { 'WWW-Authenticate': bearerChallenge(refusal, realm) }
      : { 'Retry-After': String(RETRY_AFTER_SECONDS) };
  return {
    status: refusal.status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', ...header },
    body: JSON.stringify(toProblem(refusal, transactionId)),
  };
}

function protocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}

/** Tokens that their client forgot to announce. Nobody reads them, and nobody may repeat them. */
function misplacedTokens(request: IncomingMessage): string[] {
  return protocolsOf(request).filter((protocol, i, all) => JWT.test(protocol) && !isBearer(all[i - 1]));
}

const isBearer = (protocol: string | undefined): boolean => protocol?.toLowerCase() === BEARER_PROTOCOL;

/** Anything of a JWT's form, and the name that RFC 6750, section 2.3 has for it. */
const JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;

function hasTokenInUrl(url: string): boolean {
  const start = url.indexOf('?');
  if (start < 0) return false;
  for (const [name, value] of new URLSearchParams(url.slice(start))) {
    if (name === 'access_token' || JWT.test(value)) return true;
  }
  return false;
}
