import { type AbortSignalLike } from '@token-relay/jwt-guard';
import { type FastifyReply } from 'fastify';
import { type Socket } from 'node:net';

const connections = new WeakMap<Socket, Connection>();

/**
 * Aborted when the client has gone before its answer was complete. One for all requests of a connection: they end with it,
 * and to make one for each is a good part of what a small request costs.
 */
export function gone({ raw, request }: FastifyReply): AbortSignalLike {
  // The request's: an answer has none as long as others on the same connection come before it.
  const { socket } = request.raw;
  if (raw.destroyed || socket.destroyed) return GONE;
  return connections.get(socket) ?? follow(socket);
}

/** The same, for what takes nothing less. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const connection = gone(reply);
  if (connection.aborted) return AbortSignal.abort();
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  connection.addEventListener('abort', abort);
  // Of the two that tell that a client has gone, this comes first.
  reply.raw.once('close', () => {
    connection.removeEventListener('abort', abort);
    if (!reply.raw.writableFinished) abort();
  });
  return controller.signal;
}

/** Node's own signals take a microsecond for each listener that comes and goes. */
class Connection implements AbortSignalLike {
  aborted = false;
  readonly reason = new DOMException('the client has gone', 'AbortError');
  /** Of the requests under way: one, as a rule. */
  readonly #listeners: (() => void)[] = [];

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const index = this.#listeners.lastIndexOf(listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }

  end(): void {
    this.aborted = true;
    for (const listener of [...this.#listeners]) listener();
  }
}

const GONE: AbortSignalLike = ended();

function ended(): Connection {
  const connection = new Connection();
  connection.end();
  return connection;
}

function follow(socket: Socket): Connection {
  const connection = new Connection();
  socket.once('close', () => connection.end());
  connections.set(socket, connection);
  return connection;
}
