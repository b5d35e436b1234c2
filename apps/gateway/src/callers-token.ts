import { bearerToken, upgradeToken } from '@token-relay/jwt-guard';
import { type IncomingMessage } from 'node:http';
import { asksForWebSocket } from './sockets/upgrade-requests';

/**
 * The token of a request: in `Authorization`; of one that opens a socket, which a browser can't give a header, in
 * `Sec-WebSocket-Protocol` as well. Never in the URL.
 *
 * @throws TokenRejected
 */
export function callersToken(request: object): string | null {
  const { raw = request } = request as { readonly raw?: object };
  if (asksForWebSocket(raw)) return upgradeToken(raw as IncomingMessage) ?? null;
  return bearerToken(request);
}
