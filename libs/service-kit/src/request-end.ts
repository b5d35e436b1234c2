import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isEndless } from './endless';

/**
 * How a request was over. `answered`: in full; for as long as its client listened, where the answer has no end of its own;
 * or handed over to another protocol (101). `client_gone`: its client hung up before. `broken_off`: by the service.
 */
export type RequestEnd = 'answered' | 'client_gone' | 'broken_off';

/** A request that is over. */
export interface EndedRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly end: RequestEnd;
  /** The template of its route; `undefined` where there is none. Fastify makes an object each time that it is asked. */
  readonly route: string | undefined;
  /** Since its headers came, in milliseconds. */
  readonly ms: number;
}

interface Listener {
  readonly begun?: (() => void) | undefined;
  readonly over: (ended: EndedRequest) => void;
}

const watched = new WeakMap<FastifyInstance, Listener[]>();

/**
 * Calls a listener once for each request, when it is over, however it ends: Fastify's own `onResponse` tells of none whose
 * client hangs up. The first call for an instance has to come before its first route, and before hooks that refuse.
 *
 * @param begun is called for the same requests, when they begin
 */
export function onRequestEnd(instance: FastifyInstance, over: Listener['over'], begun?: Listener['begun']): void {
  const listener = { over, begun };
  const known = watched.get(instance);
  if (known) return void known.push(listener);
  const listeners: Listener[] = [listener];
  watched.set(instance, listeners);
  instance.addHook('onRequest', (request, reply, done) => {
    for (const { begun } of listeners) begun?.();
    onceOver(request, reply, () => {
      const end = endOf(request, reply);
      const ended = { request, reply, end, route: request.routeOptions.url, ms: reply.elapsedTime };
      for (const { over } of listeners) over(ended);
    });
    done();
  });
}

function onceOver({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply, run: () => void): void {
  // It closes once.
  if (raw.socket) return void raw.on('close', run);
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
