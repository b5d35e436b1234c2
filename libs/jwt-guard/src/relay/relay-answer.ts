import { AsyncResource } from 'node:async_hooks';
import { type IncomingHttpHeaders } from 'node:http';
import { type Dispatcher } from 'undici';
import { AnswerBody, type RelayBody } from './answer-body';
import { type RelayReport } from './relay-report';
import { type TimeLimit } from './time-limit';

/** What a destination has answered. */
export interface RelayResponse {
  readonly statusCode: number;
  /** By names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /**
   * All of the body, where it came along with the beginning of the answer, as most small ones do; `undefined` for what is
   * yet to come, and once `body` was asked for. Whoever has this needs no stream.
   */
  readonly whole: Buffer | undefined;
  /** Has to be read, or dumped, unless `whole` is there: until then it holds its connection. */
  readonly body: RelayBody;
  /** How the call was made. */
  readonly relayed: RelayReport;
}

/** What is told of a call whose answer has begun. */
export interface Begun {
  readonly report: RelayReport;
  /** What broke the body off, as the caller of this service may hear it. */
  readonly outcomeOf: (cause: Error) => Error;
}

/** How much of a body is taken before anybody has asked for it, in bytes. */
const MOST_UNASKED = 64 * 1024;

/**
 * Sends a request, and waits for the beginning of its answer. undici's own `request` makes a stream of every body, which
 * costs as much as all the rest: here it is made for those alone that somebody wants as one.
 *
 * @param limit ends it, its body too
 * @throws what the connection, undici or the limit says
 */
export function ask(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  limit: TimeLimit,
): Promise<RelayAnswer> {
  return new Promise((begun, failed) => {
    dispatcher.dispatch(options, new RelayAnswer(limit, begun, failed));
  });
}

/** An answer as it comes. */
export class RelayAnswer implements Dispatcher.DispatchHandler, RelayResponse {
  statusCode = 0;
  headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #body: AnswerBody | undefined;
  #call: Begun | undefined;
  #context: AsyncResource | undefined;
  #whenOver: (() => void) | undefined;

  constructor(
    private readonly limit: TimeLimit,
    private readonly begun: (answer: RelayAnswer) => void,
    private readonly failed: (reason: unknown) => void,
  ) {
    limit.follow(this.#end);
  }

  /** Has to be called before anybody sees it, in the context of the call that has asked for it. */
  of(call: Begun): this {
    this.#call = call;
    // Of what is here nothing comes by the connection any more. Cheaper than AsyncLocalStorage.snapshot().
    if (!this.#hasEnded) this.#context = new AsyncResource('RelayAnswer');
    return this;
  }

  /** Calls it once nothing of the answer is to come any more. */
  whenOver(run: () => void): void {
    if (this.#hasEnded || this.#error) run();
    else this.#whenOver = run;
  }

  get relayed(): RelayReport {
    return this.#begun.report;
  }

  get whole(): Buffer | undefined {
    if (!this.#hasEnded || this.#body) return undefined;
    const [first] = this.#chunks;
    return this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
  }

  get body(): RelayBody {
    if (this.#body) return this.#body;
    const body = new AnswerBody({
      resume: () => this.#controller?.resume(),
      abort: (reason) => this.#abort(reason),
      outcomeOf: this.#begun.outcomeOf,
      context: this.#context,
    });
    this.#body = body;
    for (const chunk of this.#chunks) body.give(chunk);
    this.#chunks = [];
    if (this.#error) body.fail(this.#error);
    else if (this.#hasEnded) body.finish();
    return body;
  }

  get #begun(): Begun {
    if (!this.#call) throw new Error('this answer has not begun');
    return this.#call;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It has waited for a connection.
    if (this.limit.aborted) controller.abort(asError(this.limit.reason));
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    // 1xx: the answer is yet to come.
    if (statusCode < 200) return;
    this.statusCode = statusCode;
    this.headers = headers;
    this.begun(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body) {
      if (!this.#body.give(chunk)) controller.pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= MOST_UNASKED) controller.pause();
  }

  onResponseEnd(): void {
    this.#hasEnded = true;
    this.#body?.finish();
    this.#whenOver?.();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#error = error;
    if (this.statusCode === 0) this.failed(error);
    this.#body?.fail(error);
    this.#whenOver?.();
  }

  readonly #end = (reason: unknown): void => {
    // Whoever waits for a connection waits no longer; what has got one by then is aborted at once.
    if (this.statusCode === 0) this.failed(reason);
    this.#abort(asError(reason));
  };

  #abort(reason: Error): void {
    if (!this.#hasEnded && !this.#error) this.#controller?.abort(reason);
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
