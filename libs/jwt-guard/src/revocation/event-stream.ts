import { createParser, type EventSourceMessage } from 'eventsource-parser';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Socket } from 'node:net';
import { type CurrentContext } from '../core/client-tls';

/** How long is waited, in milliseconds. */
export interface StreamTimes {
  /** For a connection, TLS and all. */
  readonly connectMs: number;
  /** For the head of the answer, once there is one. */
  readonly headersMs: number;
  /** For the next byte of the body. */
  readonly silenceMs: number;
}

export interface StreamOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A form that is sent with the request, which is then a POST. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly times: StreamTimes;
  /** What the connection is secured with. Default: what Node does by itself. */
  readonly tls?: CurrentContext | undefined;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Given the socket as soon as it is there, connected or not. */
  readonly onSocket: (socket: Socket) => void;
}

/** The answer wasn't 200. */
export class UnexpectedStatus extends Error {
  override readonly name = 'UnexpectedStatus';

  constructor(readonly status: number) {
    super(`answered with status ${status}`);
  }
}

/** A snapshot's largest event is a third of that. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/**
 * Asks for server-sent events, and gives those that come until the server ends the answer. What `fetch` and undici
 * would do besides is what must not happen here: the connection is always a new one, since whoever reconnects wants
 * another server than the one that is going away; a redirect is an answer like any other, for the credentials are
 * meant for this server only; and an attempt that is given up leaves nothing behind, not even one that connects.
 *
 * @throws Error when there is no such answer, when it breaks off, when nothing comes for too long, or an event too large
 */
export async function* eventStream(options: StreamOptions): AsyncGenerator<EventSourceMessage, void> {
  const { url, times, signal } = options;
  const { request } = url.protocol === 'https:' ? https : http;
  const body = options.form && new URLSearchParams(options.form).toString();
  const headers = {
    ...options.headers,
    accept: 'text/event-stream',
    'cache-control': 'no-cache',
    ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
  };
  const asked = request(url, {
    agent: false,
    headers,
    signal,
    method: body === undefined ? 'GET' : 'POST',
    ...(options.tls && { secureContext: options.tls() }),
  });
  const patience = new Patience(asked);
  try {
    patience.expect('a connection', times.connectMs);
    asked.once('socket', (socket) => {
      const connected = url.protocol === 'https:' ? 'secureConnect' : 'connect';
      socket.once(connected, () => patience.expect('an answer', times.headersMs));
      options.onSocket(socket);
    });
    asked.end(body);
    const answer = await answerTo(asked);
    if (answer.statusCode !== 200) throw new UnexpectedStatus(answer.statusCode ?? 0);
    if (!/^text\/event-stream\s*(;|$)/i.test(answer.headers['content-type'] ?? '')) {
      throw new Error('answered with something else than an event stream');
    }
    patience.expect('another byte', times.silenceMs);
    yield* eventsOf(answer, () => patience.renew());
  } catch (error) {
    throw patience.lost ?? error;
  } finally {
    patience.end();
    asked.destroy();
  }
}

function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve);
    // Stays: what goes wrong later is told by the answer, and must not be an error that nobody listens to.
    asked.on('error', reject);
    asked.once('close', () => reject(new Error('the connection was closed without an answer')));
  });
}

async function* eventsOf(answer: IncomingMessage, onBytes: () => void): AsyncGenerator<EventSourceMessage, void> {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let events: EventSourceMessage[] = [];
  let tooLarge = false;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent: (event) => events.push(event),
    onError: ({ type }) => (tooLarge ||= type === 'max-buffer-size-exceeded'),
  });
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    onBytes();
    parser.feed(utf8.decode(chunk, { stream: true }));
    yield* events;
    events = [];
    if (tooLarge) throw new Error(`an event is larger than ${MAX_EVENT_CHARACTERS} characters`);
  }
}

/** Ends a request when what is expected of it doesn't come in time. */
class Patience {
  /** Why it was ended. */
  lost: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly request: ClientRequest) {}

  expect(what: string, ms: number): void {
    this.end();
    this.#timer = setTimeout(() => {
      this.lost = new Error(`${what} didn't come within ${ms} ms`);
      this.request.destroy(this.lost);
    }, ms).unref();
  }

  renew(): void {
    this.#timer?.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
