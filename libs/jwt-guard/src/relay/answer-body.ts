import { AsyncResource } from 'node:async_hooks';
import { type Readable } from 'node:stream';

/** What a stream calls by itself. */
interface Streaming {
  push: (this: Streaming, chunk: unknown, encoding?: BufferEncoding) => boolean;
  _destroy: (this: Streaming, error: Error | null, callback: (error?: Error | null) => void) => void;
}

/**
 * Gives the body of an answer to the call that has asked for it. What comes by a connection comes in the context of
 * whoever that was opened for: here listeners and transforms run in the context that this is called in, and hear what
 * goes wrong with the connection as that call has to answer it.
 *
 * @param outcomeOf what went wrong, as the caller of this service may hear it
 */
export function giveBody(body: Readable, outcomeOf: (error: Error) => Error): void {
  // Cheaper than AsyncLocalStorage.snapshot(), and this is done for every call.
  const context = new AsyncResource('RelayAnswer');
  const streaming = body as unknown as Streaming;
  const { push, _destroy: destroy } = streaming;
  streaming.push = (chunk, encoding) => context.runInAsyncScope(push, streaming, chunk, encoding);
  streaming._destroy = (error, callback) => {
    const given = (failed?: Error | null): void =>
      context.runInAsyncScope(callback, undefined, failed && outcomeOf(failed));
    context.runInAsyncScope(destroy, streaming, error, given);
  };
}
