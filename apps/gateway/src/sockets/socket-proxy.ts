import { type BeforeApplicationShutdown, Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  type AbortSignalLike,
  bindContext,
  currentPrincipal,
  isAllowedOrigin,
  offeredProtocols,
  type Principal,
  type RelayObserver,
  StandingWatch,
  TokenRejected,
  TokenRelay,
  type TransactionRequest,
  VerifierUnavailable,
} from '@token-relay/jwt-guard';
import { Drain, type Logger, ProblemException, ServiceTls } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type IncomingMessage, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { gone } from '../gone';
import { LOGGER } from '../logger.token';
import { observedCall, RELAY_OBSERVER } from '../observed-call';
import { forwardedRequestHeaders } from '../proxy-headers';
import { type Route } from '../routes/route';
import { ROUTE_TABLE, type RouteTable } from '../routes/route-table';
import { tracedCall } from '../traced-call';
import { type UpstreamAnswer } from '../upstream-answer';
import { CLOSE_TIMEOUT_MS, type Opened, openServiceSocket } from './service-socket';
import { SocketBridge } from './socket-bridge';
import { asksForWebSocket, routeUpgrades, takeConnection } from './upgrade-requests';

/** As jwt-guard closes its own sockets: it says 401. */
const CLOSE_UNAUTHORIZED = 4401;
const CLOSE_GOING_AWAY = 1001;
const GOING_AWAY = 'shutting down';
const DRAIN_MS = 1_000;

/** Opens sockets to services on behalf of those who open one here, and joins the two. */
@Injectable()
export class SocketProxy implements OnModuleInit, BeforeApplicationShutdown {
  readonly #open = new Set<SocketBridge>();
  #emptied: (() => void) | undefined;

  constructor(
    @Inject(ROUTE_TABLE) private readonly table: RouteTable,
    @Inject(TokenRelay) private readonly relay: TokenRelay,
    @Inject(RELAY_OBSERVER) private readonly observer: Required<RelayObserver>,
    @Inject(StandingWatch) private readonly watch: StandingWatch,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Drain) private readonly drain: Drain,
    @Optional() @Inject(ServiceTls) private readonly tls?: ServiceTls,
  ) {}

  onModuleInit(): void {
    // Where there is no listener, Node leaves requests for an upgrade to be ordinary ones.
    if (!this.table.routes.some(({ webSocket }) => webSocket)) return;
    routeUpgrades(this.host.httpAdapter.getHttpServer() as Server);
  }

  /** How many are open. */
  get opened(): number {
    return this.#open.size;
  }

  isAsked({ raw }: FastifyRequest): boolean {
    return asksForWebSocket(raw);
  }

  /**
   * Opens a socket for a request that the guard has let through. The client gets its own when the service's is there:
   * until then all that can go wrong is told by HTTP.
   *
   * @returns what the service has answered in place of a socket
   * @throws ProblemException, TokenRejected `origin_not_allowed`, VerifierUnavailable
   */
  async open(
    route: Route,
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<UpstreamAnswer | undefined> {
    const { raw } = request;
    checkHandshake(raw, reply);
    if (!isAllowedOrigin(raw, undefined)) throw new TokenRejected('origin_not_allowed');
    const principal = currentPrincipal();
    if (!principal) throw new TokenRejected('token_missing');
    const offered = offeredProtocols(protocolsOf(raw.headers));
    const signal = gone(reply);
    const opened = await this.#openService(route, path, request, offered, signal);
    if ('answer' in opened) return asAnswer(opened.answer);
    const { socket: service, protocol } = opened;
    if (signal.aborted || service.readyState !== service.OPEN) {
      service.terminate();
      throw new VerifierUnavailable('upstream_failed', { hop: route.contract });
    }
    reply.hijack();
    const { socket, head } = takeConnection(raw, reply.raw);
    // What the service has chosen, if anything; a client that has offered something wants to hear something.
    const bearer = offered.find((protocol) => protocol.toLowerCase() === BEARER);
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: route.maxBodyBytes,
      // Not in its types yet.
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: () => protocol || (bearer ?? false),
    };
    const server = new WebSocketServer(options);
    let isJoined = false;
    server.handleUpgrade(raw, socket, head, (client) => {
      isJoined = true;
      this.#join(client, service, principal, route);
    });
    // The client has gone just now.
    if (!isJoined) service.terminate();
    return undefined;
  }

  async #openService(
    route: Route,
    path: string,
    request: FastifyRequest,
    offered: readonly string[],
    signal: AbortSignalLike,
  ) {
    const { contract: hop, mode, maxBodyBytes: maxMessageBytes, timeoutMs } = route;
    const url = `${this.table.originOf(route.destination)?.replace(/^http/, 'ws')}${path}`;
    const protocols = offered.filter((protocol) => protocol.toLowerCase() !== BEARER);
    const own = forwardedRequestHeaders(request.raw.headers);
    const attempt = async (renew: boolean) => {
      const carried = { ...own, ...(await this.#headers(route, request, renew)) };
      const tls = this.tls?.connection;
      const open = (traceparent: string | undefined): Promise<Opened> => {
        const headers = { ...carried, ...(traceparent !== undefined && { traceparent }) };
        const opening = { url, protocols, headers, maxMessageBytes, timeoutMs, hop, tls, signal };
        return observedCall(
          this.observer,
          { destination: hop, mode, signal },
          () => openServiceSocket(opening),
          statusOf,
        );
      };
      return tracedCall({ to: hop, method: 'GET', url }, open, statusOf);
    };
    const opened = await attempt(false);
    if (!refusesToken(opened, route)) return opened;
    // As of any other call: perhaps the token is older than the service's keys.
    if (this.relay.mayRenew(hop)) {
      const renewed = await attempt(true);
      if (!refusesToken(renewed, route)) return renewed;
      this.relay.renewalRefused(hop);
    }
    throw new VerifierUnavailable('relay_token_refused', { hop });
  }

  #headers({ contract, prefix, mode }: Route, { ip: req_ip }: FastifyRequest, renew: boolean) {
    const details: TransactionRequest = { details: { method: 'GET', route: prefix }, context: { req_ip } };
    const transaction = mode === 'transaction' ? details : undefined;
    // A socket has no answer that anybody could wait for.
    return this.relay.relayHeaders(contract, { renew, transaction, isEvent: true });
  }

  #join(client: WebSocket, service: WebSocket, principal: Principal, route: Route): void {
    const begun = performance.now();
    const line = { route: route.prefix };
    // In the context of the request: a socket's end comes from elsewhere.
    const over = bindContext((code: number) => {
      unwatch();
      undrain();
      this.#open.delete(bridge);
      if (this.#open.size === 0) this.#emptied?.();
      this.logger.info({ ...line, code, seconds: Math.round(performance.now() - begun) / 1000 }, 'socket closed');
    });
    const bridge = new SocketBridge(client, service, over);
    this.#open.add(bridge);
    this.logger.info(line, 'socket opened');
    const unwatch = this.watch.watch(principal, ({ code }) => bridge.end(CLOSE_UNAUTHORIZED, code));
    const undrain = this.drain.lasting(() => bridge.end(CLOSE_GOING_AWAY, GOING_AWAY));
    service.resume();
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.#open.size === 0) return;
    const emptied = new Promise<void>((resolve) => (this.#emptied = resolve));
    for (const bridge of this.#open) bridge.end(CLOSE_GOING_AWAY, GOING_AWAY);
    await Promise.race([emptied, sleep(DRAIN_MS, undefined, { ref: false })]);
    for (const bridge of this.#open) bridge.terminate();
  }
}

const BEARER = 'bearer';
const VERSION = '13';
/** 16 bytes in base64 (RFC 6455, section 4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** @throws ProblemException for a request by which no socket can be opened (RFC 6455, section 4.2.1) */
function checkHandshake({ headers }: IncomingMessage, reply: FastifyReply): void {
  if (headers['sec-websocket-version'] !== VERSION) {
    reply.header('sec-websocket-version', VERSION).header('upgrade', 'websocket');
    throw new ProblemException(426, 'upgrade_required', 'Sockets are opened by version 13 of the WebSocket protocol.');
  }
  const protocols = protocolsOf(headers);
  // Once each: ws would refuse the second of a name itself, with an answer of its own.
  const isWellFormed = protocols.every((name) => TOKEN.test(name)) && new Set(protocols).size === protocols.length;
  if (!isWellFormed || !KEY.test(String(headers['sec-websocket-key']))) {
    throw new ProblemException(400, 'malformed_request', 'The request to open a socket is malformed.');
  }
}

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

function protocolsOf(headers: IncomingMessage['headers']): string[] {
  const { 'sec-websocket-protocol': protocols } = headers;
  return protocols === undefined ? [] : protocols.split(',').map((name) => name.trim());
}

function statusOf(opened: Opened): number | undefined {
  return 'answer' in opened ? opened.answer.statusCode : 101;
}

/** Whether the service refuses the token that it was called with; then there is nothing more of its answer. */
function refusesToken(opened: Opened, { mode }: Route): boolean {
  if (mode === 'none' || !('answer' in opened) || opened.answer.statusCode !== 401) return false;
  opened.answer.destroy();
  return true;
}

function asAnswer(answer: IncomingMessage): UpstreamAnswer {
  return { statusCode: answer.statusCode ?? 0, headers: answer.headers, body: answer };
}
