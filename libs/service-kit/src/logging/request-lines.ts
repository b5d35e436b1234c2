import { type RelayContext } from '@token-relay/jwt-guard';
import { type DestinationStream } from 'pino';
import { callerFields } from './call-fields';
import { shortened } from './shortened';

/** What is said of a request when it is over. */
export interface RequestLine {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Its template; `undefined` where there is none. */
  readonly route: string | undefined;
  /** `undefined` where nobody has seen the beginning of an answer. */
  readonly status: number | undefined;
  /** Of the problem that was answered, or how it ended. */
  readonly code: string | undefined;
  readonly ms: number;
}

/** So many characters are written without waiting for the end of the turn. */
const FULL = 64 * 1024;

/**
 * Lines of requests, as the logger would write them (`level` info, `msg` request), for a tenth of what that takes: there is
 * one for each request. They are put together from parts that are known to be JSON; whatever comes from outside has its
 * secrets cut out first. What ends within one turn of the event loop is written at once, after it; any other line of the
 * same logger, and the end of the process, brings out those before it.
 */
export class RequestLines {
  readonly #beginning: string;
  #waiting = '';
  #second = 0;
  #time = '';
  /** What is the same for all requests with one token, and for all of one route. */
  readonly #callers = new WeakMap<object, string>();
  readonly #routes = new Map<string, string>();

  /** @param clean cuts secrets out of a text of JSON */
  constructor(
    service: string,
    private readonly clean: (json: string) => string,
    private readonly destination: DestinationStream,
  ) {
    this.#beginning = `","service":${JSON.stringify(service)}`;
  }

  add({ method, path, route, status, code, ms }: RequestLine, context: RelayContext | undefined): void {
    if (this.#waiting === '') {
      setImmediate(this.flush);
      withLines.add(this);
    }
    let line = `{"level":30,"time":"${this.#now()}${this.#beginning}`;
    if (context) line += this.#call(context);
    // Node takes no method that it doesn't know.
    line += `,"method":"${method}","path":${this.#text(shortened(path, this.clean))}`;
    if (route !== undefined) line += this.#route(route);
    if (status !== undefined) line += `,"status":${status}`;
    if (code !== undefined) line += `,"code":${this.#text(code)}`;
    this.#waiting += `${line},"ms":${ms},"msg":"request"}\n`;
    if (this.#waiting.length >= FULL) this.flush();
  }

  /** Writes what waits. */
  readonly flush = (): void => {
    if (this.#waiting === '') return;
    const lines = this.#waiting;
    this.#waiting = '';
    withLines.delete(this);
    this.destination.write(lines);
  };

  #call(context: RelayContext): string {
    const { traceparent, transactionId, principal } = context;
    const id = UUID.test(transactionId) ? `"${transactionId}"` : this.#text(transactionId);
    const call = `,"traceId":"${traceparent.slice(3, 35)}","transactionId":${id}`;
    if (!principal) return call;
    let caller = this.#callers.get(principal);
    if (caller === undefined) {
      caller = this.clean(JSON.stringify(callerFields(principal))).slice(1, -1);
      this.#callers.set(principal, caller);
    }
    return `${call},${caller}`;
  }

  #route(route: string): string {
    let member = this.#routes.get(route);
    if (member === undefined) {
      member = `,"route":${this.#text(route)}`;
      this.#routes.set(route, member);
    }
    return member;
  }

  /** As JSON. */
  #text(text: string): string {
    const json = PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
    return this.clean(json);
  }

  /** ISO 8601, to the millisecond. */
  #now(): string {
    const now = Date.now();
    const ms = now % 1000;
    if (now - ms !== this.#second) {
      this.#second = now - ms;
      this.#time = new Date(this.#second).toISOString().slice(0, -4);
    }
    return `${this.#time}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
  }
}

/** Stands in JSON as it is. */
const PLAIN = /^[\w./:*-]*$/;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

const withLines = new Set<RequestLines>();
process.on('exit', () => {
  for (const lines of withLines) lines.flush();
});
