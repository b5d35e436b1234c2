import { Logger } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { isRefusal, type Refusal, TokenRejected } from '../../core/refusals';
import { type TokenVerifier } from '../../core/token-verifier';
import { runInContext } from '../../relay/relay-context';
import { type Authenticated } from '../call-state';
import { type HandlerPolicies } from '../handler-policy';
import { toRpcRefusal } from '../problem';
import { type Gateway, gatewaysOf, namespaceOf } from './gateways';
import { type SocketSession } from './socket-session';
import { type SocketSessions } from './socket-sessions';
import {
  hideMisplacedTokens,
  isAllowedOrigin,
  offeredProtocols,
  type UpgradeAnswer,
  upgradeAnswer,
  upgradeToken,
} from './upgrade-request';

const logger = new Logger('JwtGuard');

/** The message that brings a token: the first of a socket, or one that renews it. */
export const AUTHENTICATE_EVENT = 'authenticate';
const AUTHENTICATED_EVENT = 'authenticated';

/** As much of Nest's `WebSocketAdapter` as is needed here. */
export interface WsAdapter {
  create(port: number, options?: ServerOptions): object;
  bindClientConnect(server: object, callback: (client: object, ...more: unknown[]) => void): unknown;
  bindMessageHandlers(client: object, handlers: MessageHandler[], transform: unknown): unknown;
}

interface MessageHandler {
  readonly message: unknown;
  readonly callback: (...parameters: unknown[]) => unknown;
}

/** Options of a gateway's server; `ws` knows the first two, Socket.IO the third. */
interface ServerOptions {
  readonly port?: number;
  readonly path?: string;
  readonly namespace?: unknown;
  readonly verifyClient?: VerifyClient;
  readonly handleProtocols?: (protocols: Set<string>, request: IncomingMessage) => string | false;
  readonly allowRequest?: AllowRequest;
  readonly connectionStateRecovery?: unknown;
}

type Verified = (result: boolean, status?: number, body?: string, headers?: Readonly<Record<string, string>>) => void;
type VerifyClient = (info: { readonly req: IncomingMessage }, callback: Verified) => unknown;
type AllowRequest = (
  request: IoRequest,
  callback: (error: string | null | undefined, success: boolean) => void,
) => void;
type IoRequest = IncomingMessage & {
  readonly res?: {
    writeHead(status: number, headers: Readonly<Record<string, string>>): { end(body: string): void };
  };
};

/** A Socket.IO server or namespace: what sockets have to pass before they are connected. */
interface IoServer {
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}
interface IoSocket {
  readonly handshake: { readonly auth?: { readonly token?: unknown } };
  readonly request: IncomingMessage;
}

export interface WebSocketRules {
  readonly verifier: TokenVerifier;
  readonly policies: HandlerPolicies;
  readonly sessions: SocketSessions;
  readonly realm: string;
  readonly allowedOrigins: ReadonlySet<string> | undefined;
  readonly authenticateWithinSeconds: number;
}

/**
 * Guards the sockets of an app's gateways as such, from the request that opens one to the moment when its token ends;
 * their messages are the guard's, like every call. It is put into the adapter that the app uses, whichever that is.
 */
export class WebSocketGuard {
  /** What was found out when a socket was asked for. */
  readonly #upgrades = new WeakMap<IncomingMessage, { readonly authenticated: Authenticated | undefined }>();
  /** Tokens of Socket.IO's own handshake, which follows the upgrade. */
  readonly #handshakes = new WeakMap<object, Authenticated>();
  readonly #servers = new WeakMap<object, Place>();
  readonly #withHandshake = new WeakSet<object>();
  readonly #bound = new WeakSet<object>();
  readonly #held = new WeakSet<object>();
  /** Known once the app is made, which it is when there is an adapter. */
  #gateways: readonly Gateway[] = [];

  constructor(
    private readonly rules: WebSocketRules,
    private readonly modules: ModulesContainer,
  ) {}

  /** @param beforeOpening called before a port is opened; what it throws prevents that */
  install(adapter: WsAdapter, beforeOpening: () => void): void {
    this.#gateways = gatewaysOf(this.modules);
    this.#holdConnections();
    const create = adapter.create.bind(adapter);
    const bindClientConnect = adapter.bindClientConnect.bind(adapter);
    const bindMessageHandlers = adapter.bindMessageHandlers.bind(adapter);
    Object.assign(adapter, {
      create: (port: number, options: ServerOptions = {}) => {
        refuseRecovery(options);
        if (port !== 0) beforeOpening();
        const place = { port, path: options.path, namespace: namespaceOf(options.namespace) };
        const server = create(port, { ...options, ...this.#upgradeOptions(place, options) });
        refuseRecovery((server as { opts?: ServerOptions }).opts);
        this.#servers.set(server, place);
        return server;
      },
      bindClientConnect: (server: object, callback: (client: object, ...more: unknown[]) => void) => {
        this.#takeHandshakes(server);
        const needsToken = this.#gatewaysAt(this.#servers.get(server)).every((gateway) => !this.#isPublic(gateway));
        return bindClientConnect(server, (client: object, ...more: unknown[]) => {
          const session = this.rules.sessions.of(client) ?? this.#connected(client, more[0], needsToken);
          // It may be over already, for this gateway and for the next ones at the same place.
          if (!session.ended) runInContext(session.connectionCall(), () => callback(client, ...more));
        });
      },
      bindMessageHandlers: (client: object, handlers: MessageHandler[], transform: unknown) => {
        const session = this.rules.sessions.of(client);
        // Nobody opened it: so nobody will ever know for whom it is.
        if (!session) return bindMessageHandlers(client, [], transform);
        const guarded = handlers.map((handler) => ({
          ...handler,
          callback: (...parameters: unknown[]) =>
            runInContext(session.messageCall(), () => handler.callback(...parameters)),
        }));
        // Once a socket, however many gateways it comes to.
        if (!this.#bound.has(client)) {
          this.#bound.add(client);
          guarded.push({ message: AUTHENTICATE_EVENT, callback: (data) => authenticate(session, data) });
        }
        return bindMessageHandlers(client, guarded, transform);
      },
    });
  }

  /** A socket is there: for whom is known already, or will be when its first message has come. */
  #connected(client: object, request: unknown, needsToken: boolean): SocketSession {
    const { authenticateWithinSeconds } = this.rules;
    const session = this.rules.sessions.open(client);
    const upgrade = requestOf(client, request);
    const known = upgrade && this.#upgrades.get(upgrade);
    const authenticated = this.#handshakes.get(client) ?? known?.authenticated;
    if (authenticated) {
      session.admit(authenticated);
      return session;
    }
    try {
      // With an adapter of another kind nobody was asked before; so it is done now.
      const unasked = known ? undefined : upgrade;
      if (unasked) this.#checkOrigin(unasked);
      const token = unasked && needsToken ? upgradeToken(unasked) : undefined;
      if (token !== undefined) session.authenticate(token).catch(rethrowUnlessRefusal);
      else if (needsToken && authenticateWithinSeconds === 0) throw new TokenRejected('token_missing');
      if (needsToken) session.awaitToken(authenticateWithinSeconds);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      session.end(error);
    }
    return session;
  }

  /** What lets a server refuse before there is a socket: 401 in place of 101. */
  #upgradeOptions(place: Place, options: ServerOptions): ServerOptions {
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
      this.#checkOrigin(request);
      // Where everybody may connect, no token is read, as in any handler that is public.
      const anywhere = { port: place.port, path: place.path };
      const token = this.#isPublicAt(anywhere) ? undefined : upgradeToken(request);
      if (token === undefined) {
        // Which of them it is for isn't known yet, where one is public.
        const needsToken = !this.#gatewaysAt(anywhere).some((gateway) => this.#isPublic(gateway));
        if (needsToken && authenticateWithinSeconds === 0) throw new TokenRejected('token_missing');
        this.#upgrades.set(request, { authenticated: undefined });
        return undefined;
      }
      const principal = await verifier.verify(token);
      this.#upgrades.set(request, { authenticated: { principal, token } });
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return upgradeAnswer(error, realm, randomUUID());
    }
  }

  #checkOrigin(request: IncomingMessage): void {
    if (!isAllowedOrigin(request, this.rules.allowedOrigins)) throw new TokenRejected('origin_not_allowed');
  }

  /** Socket.IO clients may send their token as `auth: { token }`, before they are connected to a namespace. */
  #takeHandshakes(server: object): void {
    if (!('use' in server && typeof server.use === 'function') || this.#withHandshake.has(server)) return;
    this.#withHandshake.add(server);
    if (this.#isPublicAt(this.#servers.get(server))) return;
    (server as IoServer).use((socket, next) => {
      const token = socket.handshake.auth?.token;
      if (token === undefined) return next();
      this.#shake(socket, token).then(
        () => next(),
        (error: unknown) => next(isRefusal(error) ? connectError(error) : (error as Error)),
      );
    });
  }

  async #shake(socket: IoSocket, token: unknown): Promise<void> {
    const known = this.#upgrades.get(socket.request);
    if (!known) this.#checkOrigin(socket.request);
    const repeated = known ? known.authenticated !== undefined : upgradeToken(socket.request) !== undefined;
    if (repeated) throw new TokenRejected('token_repeated');
    const principal = await this.rules.verifier.verify(token as string);
    this.#handshakes.set(socket, { principal, token: token as string });
  }

  /** `handleConnection` is no handler that Nest guards: it waits here until it is known for whom the socket is. */
  #holdConnections(): void {
    for (const gateway of this.#gateways) {
      const { instance } = gateway;
      if (!instance?.handleConnection || this.#held.has(instance) || this.#isPublic(gateway)) continue;
      this.#held.add(instance);
      const connected = new WeakSet<object>();
      const connect = instance.handleConnection.bind(instance);
      const disconnect = instance.handleDisconnect?.bind(instance);
      instance.handleConnection = (client, ...more) => {
        const session = this.rules.sessions.of(client);
        session?.whenAdmitted(() => {
          connected.add(client);
          runInContext(session.connectionCall(), () => connect(client, ...more));
        });
      };
      if (!disconnect) continue;
      instance.handleDisconnect = (client, ...more) =>
        connected.has(client) ? disconnect(client, ...more) : undefined;
    }
  }

  #gatewaysAt(place: Place | undefined): Gateway[] {
    return this.#gateways.filter(
      ({ port, path, namespace }) =>
        port === place?.port && path === place.path && (!('namespace' in place) || namespace === place.namespace),
    );
  }

  /** Whether nobody there needs a token; false where nobody is known. */
  #isPublicAt(place: Place | undefined): boolean {
    const gateways = this.#gatewaysAt(place);
    return gateways.length > 0 && gateways.every((gateway) => this.#isPublic(gateway));
  }

  #isPublic({ controller }: Gateway): boolean {
    // What an accepted guard is for is for that guard: no token is asked for.
    return this.rules.policies.ofClass(controller).kind !== 'token';
  }
}

/** Where a server takes sockets in; without a namespace: all of them. */
interface Place {
  readonly port: number;
  readonly path: string | undefined;
  readonly namespace?: string | undefined;
}

async function authenticate(session: SocketSession, data: unknown): Promise<object | undefined> {
  const { token } = (data ?? {}) as { token?: unknown };
  try {
    await session.authenticate(token);
    return { event: AUTHENTICATED_EVENT, data: { expiresAt: session.expiresAt } };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    session.tell(error);
    return undefined;
  }
}

/**
 * Socket.IO gives a socket that comes back what was sent in the meantime before anybody can ask for its token.
 *
 * @throws TypeError
 */
function refuseRecovery(options: ServerOptions | undefined): void {
  if (options?.connectionStateRecovery) {
    throw new TypeError('connectionStateRecovery: a socket that is recovered is not asked for its token again');
  }
}

/** What Socket.IO gives its client in `connect_error`. */
function connectError(refusal: Refusal): Error {
  return Object.assign(new Error(refusal.code), { data: toRpcRefusal(refusal, randomUUID()) });
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

/** Node's request, which ws hands on beside the socket and Socket.IO keeps in it. */
function requestOf(client: object, request: unknown): IncomingMessage | undefined {
  const found = request ?? (client as { request?: unknown }).request;
  return typeof found === 'object' && found !== null && 'headers' in found ? (found as IncomingMessage) : undefined;
}

function rethrowUnlessRefusal(error: unknown): void {
  if (!isRefusal(error)) throw error;
}
