import { type FastifyInstance } from 'fastify';
import { CLOSE, ruleConnections } from './connection-headers';
import { type Drain } from './drain';
import { onRequestEnd } from './request-end';

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
  onRequestEnd(
    instance,
    () => drain.ended(),
    () => drain.begun(),
  );
  const reused = Object.freeze({ 'keep-alive': `timeout=${reuseSeconds}` });
  ruleConnections(instance, ({ raw: { shouldKeepAlive } }) => {
    if (drain.isDraining) return CLOSE;
    return reuseSeconds >= 0 && shouldKeepAlive ? reused : undefined;
  });
  // Ends those that are kept alive too; of those on which a request is under way its answer says that they end.
  drain.onStop(() => void server.close());
  instance.addHook('preClose', (done) => {
    // What was never used, or has sent half a request, would hold the server for as long as its client likes.
    void drain.settled().then(() => setImmediate(() => server.closeAllConnections()));
    done();
  });
}
