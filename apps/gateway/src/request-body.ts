import { type VerifierUnavailable } from '@token-relay/jwt-guard';
import { ProblemException, takeBody } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { countPassed } from './spent-buffers';

/** What is read before it is passed on, and so can be sent again. */
const MAX_BUFFERED_BYTES = 64 * 1024;
const STREAM_BUFFER_BYTES = 64 * 1024;
/** How long any body may take, and for how much more of it a second more. */
const FREE_SECONDS = 30;
const LEAST_BYTES_PER_SECOND = 4 * 1024;

export interface BodyLimits {
  readonly maxBytes: number;
  /** How long either side may keep it waiting, in milliseconds. */
  readonly idleMs: number;
  /** What it is when the destination takes no more of it. */
  readonly stalled?: () => VerifierUnavailable;
}

/** Whether there is a body to be read at all. */
export function hasBody(request: FastifyRequest): boolean {
  return announcedLength(request) !== 0;
}

/**
 * The body of a request: nothing where there is none, all of it where that is little, and else as it comes.
 *
 * @throws ProblemException `body_too_large` for one that says so itself; of one that is read here, what `StreamedBody`
 *   fails with
 */
export async function requestBody(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: BodyLimits,
): Promise<Buffer | StreamedBody | undefined> {
  const length = announcedLength(request);
  if (length === 0) return undefined;
  if (length > limits.maxBytes && length !== Infinity) throw tooLarge();
  const body = new StreamedBody(takeBody(request, reply), limits);
  return length <= MAX_BUFFERED_BYTES ? wholeBody(body) : body;
}

/** All of a body, however long it is said to be. @throws as `requestBody` */
export async function bufferedBody(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: BodyLimits,
): Promise<Buffer | undefined> {
  const body = await requestBody(request, reply, limits);
  return body instanceof StreamedBody ? wholeBody(body) : body;
}

async function wholeBody(body: StreamedBody): Promise<Buffer> {
  try {
    return await buffer(body);
  } catch (error) {
    throw body.failure ?? error;
  }
}

/** In bytes; `Infinity` where it comes in chunks. That both are there, or two lengths, Node has refused. */
function announcedLength({ raw: { headers } }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return Infinity;
  return Number(headers['content-length'] ?? 0);
}

/**
 * A request's body on its way through, with back-pressure and within limits. Ending it doesn't end the request: the
 * client is still to be told why.
 */
export class StreamedBody extends Readable {
  /** Why it didn't come to its end, where that is for the client to know. */
  failure: Error | undefined;
  readonly #source: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #timer: NodeJS.Timeout;
  #received = 0;
  /** The destination takes no more for now. */
  #isHeld = true;
  #movedAt = performance.now();
  #waitedMs = 0;

  constructor(source: IncomingMessage, limits: BodyLimits) {
    super({ highWaterMark: STREAM_BUFFER_BYTES });
    this.#source = source;
    this.#limits = limits;
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onGone).on('close', this.#onGone);
    source.pause();
    const lookMs = Math.max(20, Math.min(1_000, limits.idleMs / 4));
    this.#timer = setInterval(() => this.#look(lookMs), lookMs).unref();
    // Whoever reads it listens; whoever has stopped reading doesn't have to.
    this.on('error', () => undefined);
  }

  override _read(): void {
    if (this.#isHeld) this.#movedAt = performance.now();
    this.#isHeld = false;
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearInterval(this.#timer);
    const source = this.#source;
    source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onGone).off('close', this.#onGone);
    source.on('error', () => undefined).resume();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    countPassed(chunk.length);
    this.#movedAt = performance.now();
    if (this.#received > this.#limits.maxBytes) return this.#fail(tooLarge());
    if (this.push(chunk)) return;
    this.#isHeld = true;
    this.#source.pause();
  };

  readonly #onEnd = (): void => {
    clearInterval(this.#timer);
    this.push(null);
  };

  readonly #onGone = (): void => {
    if (!this.#source.readableEnded) this.destroy(new Error('the client has gone'));
  };

  #look(sinceMs: number): void {
    const { idleMs, stalled } = this.#limits;
    const idle = performance.now() - this.#movedAt >= idleMs;
    if (this.#isHeld) {
      if (idle && stalled) this.#fail(stalled());
      return;
    }
    this.#waitedMs += sinceMs;
    const may = (FREE_SECONDS + this.#received / LEAST_BYTES_PER_SECOND) * 1000;
    if (idle || this.#waitedMs > may) this.#fail(new ProblemException(408, 'request_timeout', TOO_SLOW));
  }

  #fail(failure: Error): void {
    this.failure = failure;
    this.destroy(failure);
  }
}

const TOO_SLOW = 'The request did not arrive in time.';

function tooLarge(): ProblemException {
  return new ProblemException(413, 'body_too_large', 'The body is larger than is accepted here.');
}
