import { type AsyncResource } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { arrayBuffer, blob, buffer, json, text } from 'node:stream/consumers';

/** The body of an answer: a stream, or read as a whole, once. */
export interface RelayBody extends Readable {
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  /** @throws SyntaxError when it is no JSON */
  json(): Promise<unknown>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
  /**
   * Reads the rest and throws it away, for the sake of the connection; of what is longer the connection is given up.
   *
   * @param options `limit` in bytes. Default: 128 KiB
   */
  dump(options?: { readonly limit?: number }): Promise<void>;
}

/** Where a body comes from. */
export interface BodySource {
  /** Goes on with what comes. */
  readonly resume: () => void;
  /** Ends it: nobody wants the rest. */
  readonly abort: (reason: Error) => void;
  /** What broke it off, as the caller of this service may hear it. */
  readonly outcomeOf: (cause: Error) => Error;
  /** Of the call that has asked for it; `undefined` where nothing is to come any more. */
  readonly context: AsyncResource | undefined;
}

const DUMPED_BYTES = 128 * 1024;
const HIGH_WATER_MARK = 64 * 1024;

/**
 * A body as it comes, for the call that has asked for it. What comes by a connection comes in the context of whoever that was
 * opened for: here listeners and transforms run in the context of that call, and hear what goes wrong with the connection as it
 * has to be answered there.
 */
export class AnswerBody extends Readable implements RelayBody {
  readonly #source: BodySource;

  constructor(source: BodySource) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#source = source;
  }

  /** @returns whether there is room for more */
  give(chunk: Buffer): boolean {
    return this.#inContext(() => this.push(chunk));
  }

  /** There is no more. */
  finish(): void {
    this.#inContext(() => this.push(null));
  }

  /** It has broken off. */
  fail(cause: Error): void {
    this.#inContext(() => this.destroy(this.#source.outcomeOf(cause)));
  }

  #inContext<Result>(run: () => Result): Result {
    const { context } = this.#source;
    return context ? context.runInAsyncScope(run) : run();
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const broken = error ?? (this.readableEnded ? null : new Error('the body was not read to its end'));
    if (broken) this.#source.abort(broken);
    callback(error);
  }

  get bodyUsed(): boolean {
    return this.readableDidRead;
  }

  text(): Promise<string> {
    return text(this);
  }

  json(): Promise<unknown> {
    return json(this);
  }

  blob(): Promise<Blob> {
    return blob(this);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return arrayBuffer(this);
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await buffer(this));
  }

  async dump({ limit = DUMPED_BYTES }: { readonly limit?: number } = {}): Promise<void> {
    let left = limit;
    // Whoever leaves the loop ends the stream.
    for await (const chunk of this) if ((left -= (chunk as Buffer).length) < 0) return;
  }
}
