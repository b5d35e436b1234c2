import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Ended {
  /** Socket.IO has none. */
  readonly code: number | undefined;
  readonly reason: string;
}

/** A client, whatever library it is of. */
export interface Client {
  readonly received: readonly { readonly event: string; readonly data: unknown }[];
  readonly protocol: string | undefined;
  readonly ended: Promise<Ended>;
  send(event: string, data?: unknown): void;
  /** The first message of this name that nobody has taken; it may be there already. */
  next(event: string): Promise<unknown>;
  close(): void;
}

export interface ClientOptions {
  readonly path?: string;
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
  readonly namespace?: string;
  readonly auth?: Record<string, unknown>;
  readonly transports?: ('polling' | 'websocket')[];
  readonly port?: number;
}

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

/** Node 20 has no `Promise.withResolvers`. */
export function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

export function answerOf(options: { port: number; path: string; headers: OutgoingHttpHeaders }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', agent: false, ...options });
    sent.on('upgrade', ({ statusCode = 0, headers }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, headers, body: '' });
    });
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Keeps what has come until a test asks for it. */
class Inbox {
  readonly received: { readonly event: string; readonly data: unknown }[] = [];
  readonly #ended = deferred<Ended>();
  #taken = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #over: Ended | undefined;

  get ended(): Promise<Ended> {
    return this.#ended.promise;
  }

  put(event: string, data: unknown): void {
    this.received.push({ event, data });
    for (const look of this.#waiting.splice(0)) look();
  }

  end(ended: Ended): void {
    this.#over = ended;
    this.#ended.resolve(ended);
    for (const look of this.#waiting.splice(0)) look();
  }

  async next(event: string): Promise<unknown> {
    const index = this.#taken.get(event) ?? 0;
    this.#taken.set(event, index + 1);
    for (;;) {
      const found = this.received.filter((message) => message.event === event)[index];
      if (found) return found.data;
      if (this.#over) throw new Error(`ended without ${event}: ${JSON.stringify(this.#over)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

export function connectWs(appPort: number, options: ClientOptions): Promise<Client> {
  const { path = '/', protocols = [], headers = {}, port = appPort } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers });
  const inbox = new Inbox();
  socket.on('message', (data: Buffer) => {
    const { event = '', data: content } = JSON.parse(data.toString()) as { event?: string; data?: unknown };
    inbox.put(event, content);
  });
  socket.on('close', (code, reason) => inbox.end({ code, reason: reason.toString() }));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      socket.terminate();
      reject(Object.assign(new Error('refused'), { status: response.statusCode }));
    });
    socket.on('open', () =>
      resolve({
        received: inbox.received,
        protocol: socket.protocol,
        ended: inbox.ended,
        send: (event, data) => socket.send(JSON.stringify({ event, data })),
        next: (event) => inbox.next(event),
        close: () => socket.terminate(),
      }),
    );
  });
}

export function connectIo(appPort: number, options: ClientOptions): Promise<Client> {
  const { path, protocols, headers = {}, namespace = '', auth = {}, transports = ['websocket'] } = options;
  const { port = appPort } = options;
  const socket = io(`http://127.0.0.1:${port}${namespace}`, {
    ...(path === undefined ? {} : { path }),
    ...(protocols === undefined ? {} : { protocols }),
    extraHeaders: headers,
    auth,
    transports,
    forceNew: true,
    reconnection: false,
  });
  const inbox = new Inbox();
  socket.onAny((event: string, data: unknown) => inbox.put(event, data));
  socket.on('disconnect', (reason) => inbox.end({ code: undefined, reason }));
  return new Promise((resolve, reject) => {
    socket.on('connect_error', (error) => {
      socket.close();
      reject(error);
    });
    socket.on('connect', () =>
      resolve({
        received: inbox.received,
        protocol: undefined,
        ended: inbox.ended,
        send: (event, data) => void (data === undefined ? socket.emit(event) : socket.emit(event, data)),
        next: (event) => inbox.next(event),
        close: () => void socket.close(),
      }),
    );
  });
}
