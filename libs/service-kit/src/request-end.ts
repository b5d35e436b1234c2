import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isEndless } from './endless';

/**
 * How a request was over. `answered`: in full; for as long as its client listened, where the answer has no end of its own;
 * or handed over to another protocol (101). `client_gone`: its client hung up before. `broken_off`: by the service.
 */
export type RequestEnd = 'answered' | 'client_gone' | 'broken_off';

type Listener = (request: FastifyRequest, reply: FastifyReply, end: RequestEnd) => void;

const watched = new WeakMap<FastifyInstance, Listener[]>();

/**
 * Calls a listener once for each request, when it is over, however it ends: Fastify's own `onResponse` tells of none whose
 * client hangs up. The first call for an instance has to come before its first route, and before hooks that refuse.
 */
export function onRequestEnd(instance: FastifyInstance, listener: Listener): void {
  const known = watched.get(instance);
  if (known) return void known.push(listener);
  const listeners = [listener];
  watched.set(instance, listeners);
  instance.addHook('onRequest', (request, reply, done) => {
    onceOver(request, reply, () => {
      const end = endOf(request, reply);
      for (const listen of listeners) listen(request, reply, end);
    });
    done();
  });
}

function onceOver({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply, run: () => void): void {
  if (raw.socket) return void raw.once('close', run);
  // It waits behind another answer on its connection: as long as it does, only the connection tells that it breaks off.
  const broken = (): void => {
    raw.off('close', over);
    run();
  };
  const over = (): void => {
    socket.off('close', broken);
    run();
  };
  // A client may send as many as it likes.
  socket.setMaxListeners(0);
  socket.once('close', broken);
  raw.once('close', over);
}

const SWITCHED = 101;

function endOf({ raw: { socket } }: FastifyRequest, reply: FastifyReply): RequestEnd {
  const { raw } = reply;
  if (raw.writableFinished || raw.statusCode === SWITCHED) return 'answered';
  if (!socket.readableEnded && !socket.errored) return 'broken_off';
  return raw.headersSent && isEndless(reply.getHeader('content-type')) ? 'answered' : 'client_gone';
}
