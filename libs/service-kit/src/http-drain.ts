import { type FastifyInstance } from 'fastify';
import { type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { type Drain } from './drain';

/**
 * How long a connection on which nothing comes is kept, in milliseconds: longer than any proxy keeps its own that doesn't
 * go by what it is told (60 s by default at most), so that none sends into one that is being ended.
 */
export const KEEP_ALIVE_MS = 72_000;
/** What is under way from a client to the server that is closing, when the time that it was told is over. */
const MARGIN_SECONDS = 1;

/**
 * Has an HTTP server drain. While it does, every answer ends its connection. One that nothing comes by isn't told: so
 * every answer before says how long its client may use it again, and that is less than the time for which the server
 * goes on. After that time nobody who goes by it sends anything into a connection that is being ended.
 */
export function drainHttp(instance: FastifyInstance, drain: Drain): void {
  const { server } = instance;
  const reuseSeconds = Math.floor(drain.seconds) - MARGIN_SECONDS;
  const underWay = new UnderWay(drain);
  instance.addHook('onRequest', (request, reply, done) => {
    underWay.add(request.raw.socket, reply.raw);
    done();
  });
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (drain.isDraining) reply.header('connection', 'close');
    else if (reuseSeconds >= 0 && reply.raw.shouldKeepAlive) reply.header('keep-alive', `timeout=${reuseSeconds}`);
    done();
  });
  // Ends those that are kept alive too; of those on which a request is under way its answer says that they end.
  drain.onStop(() => void server.close());
  instance.addHook('preClose', (done) => {
    // What was never used, or has sent half a request, would hold the server for as long as its client likes.
    void drain.settled().then(() => setImmediate(() => server.closeAllConnections()));
    done();
  });
}

/** The answers that are under way, on each connection. */
class UnderWay {
  readonly #ends = new WeakMap<Socket, Set<() => void>>();

  constructor(private readonly drain: Drain) {}

  /** Until it is over, however it ends: an answer that breaks off has no 'finish', and no onResponse. */
  add(socket: Socket, answer: ServerResponse): void {
    const end = this.drain.begin();
    const ends = this.#endsOf(socket);
    ends.add(end);
    answer.once('close', () => {
      ends.delete(end);
      end();
    });
  }

  /** Of answers that wait behind another one on their connection, when it breaks off, only the connection tells. */
  #endsOf(socket: Socket): Set<() => void> {
    const known = this.#ends.get(socket);
    if (known) return known;
    const ends = new Set<() => void>();
    this.#ends.set(socket, ends);
    socket.once('close', () => {
      for (const end of ends) end();
    });
    return ends;
  }
}
