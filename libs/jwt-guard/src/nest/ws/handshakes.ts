import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { isRefusal, type Refusal, TokenRejected } from '../../core/refusals';
import { type TokenVerifier } from '../../core/token-verifier';
import { type Authenticated } from '../call-state';
import { toRpcRefusal } from '../problem';
import { type Upgrades } from './upgrades';

/** A Socket.IO server or namespace: what sockets have to pass before they are connected. */
interface IoServer {
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}
interface IoSocket {
  readonly handshake: { readonly auth?: { readonly token?: unknown } };
  readonly request: IncomingMessage;
}

/** Socket.IO clients may send their token as `auth: { token }`, before they are connected to a namespace. */
export class Handshakes {
  readonly #tokens = new WeakMap<object, Authenticated>();
  readonly #servers = new WeakSet<object>();

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly upgrades: Upgrades,
  ) {}

  of(client: object): Authenticated | undefined {
    return this.#tokens.get(client);
  }

  /** Does nothing for a server that knows no handshakes, and to one twice. */
  expect(server: object): void {
    if (!('use' in server && typeof server.use === 'function') || this.#servers.has(server)) return;
    this.#servers.add(server);
    (server as IoServer).use((socket, next) => {
      const token = socket.handshake.auth?.token;
      if (token === undefined) return next();
      this.#take(socket, token).then(
        () => next(),
        (error: unknown) => next(isRefusal(error) ? connectError(error) : (error as Error)),
      );
    });
  }

  async #take(socket: IoSocket, token: unknown): Promise<void> {
    const known = this.upgrades.of(socket.request);
    if (!known) this.upgrades.checkOrigin(socket.request);
    const repeated = known ? known.authenticated !== undefined : this.upgrades.tokenOf(socket.request) !== undefined;
    if (repeated) throw new TokenRejected('token_repeated');
    const principal = await this.verifier.verify(token as string);
    this.#tokens.set(socket, { principal, token: token as string });
  }
}

/** What Socket.IO gives its client in `connect_error`. */
function connectError(refusal: Refusal): Error {
  return Object.assign(new Error(refusal.code), { data: toRpcRefusal(refusal, randomUUID()) });
}
