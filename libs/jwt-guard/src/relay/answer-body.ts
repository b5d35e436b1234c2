import { AsyncLocalStorage } from 'node:async_hooks';
import { type Readable } from 'node:stream';

/** What a stream calls by itself. */
interface Streaming {
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void;
}

/**
 * Gives the body of an answer to the call that has asked for it. What comes by a connection comes in the context of
 * whoever that was opened for: here listeners and transforms run in the context that this is called in, and hear what
 * goes wrong with the connection as that call has to answer it.
 *
 * @param outcomeOf what went wrong, as the caller of this service may hear it
 */
export function giveBody(body: Readable, outcomeOf: (error: Error) => Error): void {
  const inContext = AsyncLocalStorage.snapshot();
  const streaming = body as unknown as Streaming;
  const push = streaming.push.bind(body);
  const destroy = streaming._destroy.bind(body);
  streaming.push = (chunk, encoding) => inContext(() => push(chunk, encoding));
  streaming._destroy = (error, callback) =>
    inContext(() => destroy(error, (failed) => inContext(() => callback(failed && outcomeOf(failed)))));
}
