import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { isRefusal, TokenRejected } from '../../core/refusals';
import { type Authenticated } from '../call-state';
import { type GatewayPlaces, type Place } from './gateway-places';
import {
  hideMisplacedTokens,
  isAllowedOrigin,
  offeredProtocols,
  refuseTransaction,
  type UpgradeAnswer,
  upgradeAnswer,
  upgradeToken,
} from './upgrade-request';
import { type WebSocketRules } from './websocket-guard';
import { type IoRequest, type ServerOptions, type Verified } from './ws-adapter';

const logger = new Logger('JwtGuard');

/** What was found out about the request that a socket was opened with. */
export interface Upgrade {
  readonly authenticated: Authenticated | undefined;
}

/** Judges the requests that open sockets, before there is one: 401 in place of 101. */
export class Upgrades {
  readonly #known = new WeakMap<IncomingMessage, Upgrade>();

  constructor(
    private readonly rules: Omit<WebSocketRules, 'policies' | 'sessions'>,
    private readonly places: GatewayPlaces,
  ) {}

  /** `undefined` for a request that no server has asked about. */
  of(request: IncomingMessage): Upgrade | undefined {
    return this.#known.get(request);
  }

  /** @throws TokenRejected `origin_not_allowed` */
  checkOrigin(request: IncomingMessage): void {
    if (!isAllowedOrigin(request, this.rules.allowedOrigins)) throw new TokenRejected('origin_not_allowed');
  }

  /**
   * @returns `undefined` where there is none: it may come in the first message
   * @throws TokenRejected
   */
  tokenOf(request: IncomingMessage): string | undefined {
    // At the edge it is a client's, and not even looked at.
    if (this.rules.contextHints === 'accept') refuseTransaction(request);
    return upgradeToken(request);
  }

  /** What makes a server ask, whether it is of ws or of Socket.IO; the app's own functions are asked after. */
  serverOptions(place: Place, options: ServerOptions): ServerOptions {
    const { verifyClient, handleProtocols, allowRequest } = options;
    return {
      verifyClient: (info: { readonly req: IncomingMessage }, callback: Verified) => {
        // What the app's own functions throw, here and in all that the callback begins, ends this request alone.
        this.#judge(info.req, place)
          .then((answer) => {
            if (answer) callback(false, answer.status, answer.body, answer.headers);
            else if (!verifyClient) callback(true);
            else if (verifyClient.length === 2) verifyClient(info, callback);
            else callback((verifyClient as (info: object) => boolean)(info));
          })
          .catch(destroying(info.req));
      },
      handleProtocols: (protocols: Set<string>, request: IncomingMessage) => {
        const offered = offeredProtocols(protocols);
        if (handleProtocols) return handleProtocols(new Set(offered), request);
        return offered.find((protocol) => protocol.toLowerCase() !== 'bearer') ?? offered[0] ?? false;
      },
      allowRequest: (request, callback) => {
        // Nobody else listens yet, and a client that is gone in the meantime must end nothing but its own socket.
        const ignore = (): void => undefined;
        request.socket.on('error', ignore);
        this.#judge(request, place)
          .then((answer) => {
            if (answer) return answerUpgrade(request, answer);
            request.socket.off('error', ignore);
            hideMisplacedTokens(request);
            if (allowRequest) allowRequest(request, callback);
            else callback(null, true);
          })
          .catch(destroying(request));
      },
    };
  }

  /** What to answer in place of a socket; `undefined` where there may be one. */
  async #judge(request: IncomingMessage, place: Place): Promise<UpgradeAnswer | undefined> {
    const { verifier, authenticateWithinSeconds, realm } = this.rules;
    try {
      this.checkOrigin(request);
      // Where everybody may connect, no token is read, as in any handler that is public.
      const anywhere = { port: place.port, path: place.path };
      const token = this.places.isOpenAt(anywhere) ? undefined : this.tokenOf(request);
      if (token === undefined) {
        // Which of them it is for isn't known yet, where one is public.
        if (authenticateWithinSeconds === 0 && this.places.needsTokenAt(anywhere))
          throw new TokenRejected('token_missing');
        this.#known.set(request, { authenticated: undefined });
        return undefined;
      }
      const principal = await verifier.verify(token);
      this.#known.set(request, { authenticated: { principal, token } });
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return upgradeAnswer(error, realm, randomUUID());
    }
  }
}

/** Socket.IO would make a 403 or a 400 of every refusal: so it isn't told of this one. */
function answerUpgrade(request: IoRequest, { status, headers, body }: UpgradeAnswer): void {
  const length = { 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' };
  if (request.headers.upgrade === undefined && request.res) {
    request.res.writeHead(status, { ...headers, ...length }).end(body);
    return;
  }
  const lines = Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}`);
  request.socket.once('finish', () => request.socket.destroy());
  request.socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
}

/** Nothing but a refusal is expected; whatever else went wrong, there is no socket. */
const destroying = (request: IncomingMessage) => (error: unknown) => {
  logger.error(error);
  request.socket.destroy();
};
