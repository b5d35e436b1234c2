import { type FastifyReply } from 'fastify';
import { type Socket } from 'node:net';

const connections = new WeakMap<Socket, AbortSignal>();

/**
 * Aborted when the client has gone before its answer was complete. One for all requests of a connection: they end with it,
 * and to make one for each takes longer than to verify its token.
 */
export function gone({ raw: { socket, destroyed } }: FastifyReply): AbortSignal {
  if (destroyed || !socket || socket.destroyed) return AbortSignal.abort();
  return connections.get(socket) ?? follow(socket);
}

function follow(socket: Socket): AbortSignal {
  const controller = new AbortController();
  socket.once('close', () => controller.abort());
  connections.set(socket, controller.signal);
  return controller.signal;
}
