import { type FastifyReply } from 'fastify';
import { setMaxListeners } from 'node:events';
import { type Socket } from 'node:net';

const connections = new WeakMap<Socket, AbortSignal>();

/**
 * Aborted when the client has gone before its answer was complete. One for all requests of a connection: they end with it,
 * and to make one for each is a good part of what a small request costs.
 */
export function gone({ raw, request }: FastifyReply): AbortSignal {
  // The request's: an answer has none as long as others on the same connection come before it.
  const { socket } = request.raw;
  if (raw.destroyed || socket.destroyed) return AbortSignal.abort();
  return connections.get(socket) ?? follow(socket);
}

function follow(socket: Socket): AbortSignal {
  const controller = new AbortController();
  // Clients may send as many requests at once as they like.
  setMaxListeners(0, controller.signal);
  socket.once('close', () => controller.abort());
  connections.set(socket, controller.signal);
  return controller.signal;
}
