import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type Principal, type Refusal, StandingWatch, toRpcRefusal } from '@token-relay/jwt-guard';
import { Drain, isEndless } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { Transform, type TransformCallback } from 'node:stream';
import { type Passing, type UpstreamAnswer } from './upstream-answer';

const EVENTS = /^text\/event-stream\s*(?:;|$)/i;

/** Whether the answer goes on for as long as somebody listens. */
export function isEventStream({ statusCode, headers }: UpstreamAnswer): boolean {
  return statusCode >= 200 && statusCode < 300 && isEndless(headers['content-type']);
}

/**
 * Streams of server-sent events on their way through: unbuffered, for as long as they like, and no longer than the token
 * counts that they were asked for with.
 */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  /** What ends each of those that are open. */
  readonly #open = new Set<() => void>();

  constructor(
    @Inject(StandingWatch) private readonly watch: StandingWatch,
    @Inject(Drain) private readonly drain: Drain,
  ) {}

  /** How many are open. */
  get opened(): number {
    return this.#open.size;
  }

  /** @param transactionId names the call in what the client is told at the end */
  passOn(
    reply: FastifyReply,
    { statusCode, headers: { 'content-encoding': encoding, 'content-type': type }, body }: UpstreamAnswer,
    { headers, idleMs }: Omit<Passing, 'failed'>,
    { principal, transactionId }: { readonly principal: Principal | undefined; readonly transactionId?: string },
  ): FastifyReply {
    const events = new EventStream();
    const breakOff = (error: Error): void => void events.destroy(error);
    const end = (refusal?: Refusal): void => {
      // That it breaks off now is meant.
      body.off('error', breakOff).on('error', () => undefined);
      body.unpipe(events).destroy();
      // Only of events anybody could tell that the last was the last: the others break off.
      if (refusal && !EVENTS.test(String(type))) return breakOff(new Error(refusal.code));
      const isReadable = encoding === undefined || encoding === 'identity';
      events.finish(refusal && isReadable ? lastEvent(refusal, transactionId) : undefined);
    };
    const close = (): void => end();
    const unwatch = principal && this.watch.watch(principal, end);
    const undrain = this.drain.lasting(close);
    this.#open.add(close);
    events.once('close', () => {
      unwatch?.();
      undrain();
      this.#open.delete(close);
      body.destroy();
    });
    body.on('error', breakOff).pipe(events);
    reply.raw.setTimeout(idleMs, () => {
      // A client that takes nothing; that there is nothing to take for a while is what such a stream is like.
      if (reply.raw.writableLength > 0 || reply.raw.writableNeedDrain) reply.raw.destroy();
    });
    // Whoever subscribes learns at once that it has, though nothing may come for long.
    reply.raw.once('pipe', () => reply.raw.flushHeaders());
    // Nobody could tell its client, when it ends at last, whether the connection is still good for another request.
    return reply.status(statusCode).headers(headers).header('connection', 'close').send(events);
  }

  /** Clients come back, to another replica: a stream must not hold up the end of this one. */
  beforeApplicationShutdown(): void {
    for (const close of this.#open) close();
  }
}

/** The same as a WebSocket is told before it is closed. */
function lastEvent(refusal: Refusal, transactionId: string | undefined): string {
  return `event: exception\ndata: ${JSON.stringify(toRpcRefusal(refusal, transactionId))}\n\n`;
}

/** Knows whether an event is complete: in the middle of one there is no room for another. */
class EventStream extends Transform {
  #tail = '\n\n';

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#tail = (this.#tail + chunk.subarray(-4).toString('latin1')).slice(-4);
    done(null, chunk);
  }

  /** Ends it, after one more event if there is room for it. */
  finish(event: string | undefined): void {
    if (this.destroyed || this.writableEnded) return;
    if (event !== undefined && /(?:\r\n|\r|\n)(?:\r\n|\r|\n)$/.test(this.#tail)) this.push(event);
    this.end();
  }
}
