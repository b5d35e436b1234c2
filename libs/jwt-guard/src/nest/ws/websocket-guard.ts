import { type ModulesContainer } from '@nestjs/core';
import { type IncomingMessage } from 'node:http';
import { isRefusal, TokenRejected } from '../../core/refusals';
import { type TokenVerifier } from '../../core/token-verifier';
import { runInContext } from '../../relay/relay-context';
import { type HandlerPolicies } from '../handler-policy';
import { GatewayPlaces, type Place } from './gateway-places';
import { gatewaysOf, namespaceOf } from './gateways';
import { Handshakes } from './handshakes';
import { holdConnections } from './hold-connections';
import { type SocketSession } from './socket-session';
import { type SocketSessions } from './socket-sessions';
import { Upgrades } from './upgrades';
import { type MessageHandler, type ServerOptions, type WsAdapter } from './ws-adapter';

/** The message that brings a token: the first of a socket, or one that renews it. */
export const AUTHENTICATE_EVENT = 'authenticate';
const AUTHENTICATED_EVENT = 'authenticated';

export interface WebSocketRules {
  readonly verifier: TokenVerifier;
  readonly policies: HandlerPolicies;
  readonly sessions: SocketSessions;
  readonly realm: string;
  readonly allowedOrigins: ReadonlySet<string> | undefined;
  readonly contextHints: 'replace' | 'accept';
  readonly authenticateWithinSeconds: number;
}

/**
 * Guards the sockets of an app's gateways as such, from the request that opens one to the moment when its token ends;
 * their messages are the guard's, like every call. It is put into the adapter that the app uses, whichever that is.
 */
export class WebSocketGuard {
  readonly #servers = new WeakMap<object, Place>();
  readonly #bound = new WeakSet<object>();

  constructor(
    private readonly rules: WebSocketRules,
    private readonly modules: ModulesContainer,
  ) {}

  /** @param beforeOpening called before a port is opened; what it throws prevents that */
  install(adapter: WsAdapter, beforeOpening: () => void): void {
    const { verifier, policies, sessions } = this.rules;
    // Not before: an app is made by the time that it has an adapter, and its gateways with it.
    const places = new GatewayPlaces(gatewaysOf(this.modules), policies);
    const upgrades = new Upgrades(this.rules, places);
    const handshakes = new Handshakes(verifier, upgrades);
    holdConnections(
      places.gateways.filter((gateway) => !places.isOpen(gateway)),
      sessions,
    );
    const create = adapter.create.bind(adapter);
    const bindClientConnect = adapter.bindClientConnect.bind(adapter);
    const bindMessageHandlers = adapter.bindMessageHandlers.bind(adapter);
    Object.assign(adapter, {
      create: (port: number, options: ServerOptions = {}) => {
        refuseRecovery(options);
        if (port !== 0) beforeOpening();
        const place = { port, path: options.path, namespace: namespaceOf(options.namespace) };
        const server = create(port, { ...options, ...upgrades.serverOptions(place, options) });
        refuseRecovery((server as { opts?: ServerOptions }).opts);
        this.#servers.set(server, place);
        return server;
      },
      bindClientConnect: (server: object, callback: (client: object, ...more: unknown[]) => void) => {
        const place = this.#servers.get(server);
        if (!places.isOpenAt(place)) handshakes.expect(server);
        const needsToken = places.needsTokenAt(place);
        return bindClientConnect(server, (client: object, ...more: unknown[]) => {
          const session = sessions.of(client) ?? this.#connected(client, more[0], needsToken, upgrades, handshakes);
          // It may be over already, for this gateway and for the next ones at the same place.
          if (!session.ended) runInContext(session.connectionCall(), () => callback(client, ...more));
        });
      },
      bindMessageHandlers: (client: object, handlers: MessageHandler[], transform: unknown) => {
        const session = sessions.of(client);
        // Nobody opened it: so nobody will ever know for whom it is.
        if (!session) return bindMessageHandlers(client, [], transform);
        return bindMessageHandlers(client, this.#guarded(client, session, handlers), transform);
      },
    });
  }

  /** A socket is there: for whom is known already, or will be when its first message has come. */
  #connected(
    client: object,
    request: unknown,
    needsToken: boolean,
    upgrades: Upgrades,
    handshakes: Handshakes,
  ): SocketSession {
    const { sessions, authenticateWithinSeconds } = this.rules;
    const session = sessions.open(client);
    const upgrade = requestOf(client, request);
    const known = upgrade && upgrades.of(upgrade);
    const authenticated = handshakes.of(client) ?? known?.authenticated;
    if (authenticated) {
      session.admit(authenticated);
      return session;
    }
    try {
      // With an adapter of another kind nobody was asked before; so it is done now.
      const unasked = known ? undefined : upgrade;
      if (unasked) upgrades.checkOrigin(unasked);
      const token = unasked && needsToken ? upgrades.tokenOf(unasked) : undefined;
      if (token !== undefined) session.authenticate(token).catch(rethrowUnlessRefusal);
      else if (needsToken && authenticateWithinSeconds === 0) throw new TokenRejected('token_missing');
      if (needsToken) session.awaitToken(authenticateWithinSeconds);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      session.end(error);
    }
    return session;
  }

  /** Each message in a context of its own; and the one that brings a token. */
  #guarded(client: object, session: SocketSession, handlers: readonly MessageHandler[]): MessageHandler[] {
    const guarded = handlers.map((handler) => ({
      ...handler,
      callback: (...parameters: unknown[]) =>
        runInContext(session.messageCall(), () => handler.callback(...parameters)),
    }));
    // Once a socket, however many gateways it comes to.
    if (this.#bound.has(client)) return guarded;
    this.#bound.add(client);
    return [...guarded, { message: AUTHENTICATE_EVENT, callback: (data) => authenticate(session, data) }];
  }
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

/** Node's request, which ws hands on beside the socket and Socket.IO keeps in it. */
function requestOf(client: object, request: unknown): IncomingMessage | undefined {
  const found = request ?? (client as { request?: unknown }).request;
  return typeof found === 'object' && found !== null && 'headers' in found ? (found as IncomingMessage) : undefined;
}

function rethrowUnlessRefusal(error: unknown): void {
  if (!isRefusal(error)) throw error;
}
