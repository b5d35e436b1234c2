import { ClientProxy, type ReadPacket, Server, type WritePacket } from '@nestjs/microservices';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Observable } from 'rxjs';

interface PlainPacket {
  readonly pattern: string;
  readonly data: unknown;
  readonly headers?: Record<string, string>;
  readonly id?: string;
}

/** Data with headers, as records of Nest's own transports are. */
export class PlainRecord {
  constructor(
    readonly data: unknown,
    readonly headers: Record<string, string>,
  ) {}
}

export class PlainContext {
  constructor(readonly headers: Record<string, string> | undefined) {}
}

/** A transport of an app's own: JSON, a line a message. It has headers, which nobody here knows of unless told. */
export class PlainServer extends Server {
  /** Whether it calls Nest's hooks; not every custom transport does. */
  readonly #callsHooks: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    createInterface(socket).on('line', (line) => void this.#receive(JSON.parse(line) as PlainPacket, socket));
  });

  constructor({ callsHooks = true } = {}) {
    super();
    this.#callsHooks = callsHooks;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(callback: () => void): void {
    this.#server.listen(0, '127.0.0.1', callback);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }

  on(): void {}

  unwrap<T>(): T {
    return this.#server as T;
  }

  async #receive({ pattern, data, headers, id }: PlainPacket, socket: Socket): Promise<unknown> {
    const context = new PlainContext(headers) as never;
    if (id === undefined) return this.handleEvent(pattern, { pattern, data }, context);
    const handle = async (): Promise<Observable<unknown>> => {
      const handled: unknown = await this.getHandlerByPattern(pattern)?.(data, context);
      return this.transformToObservable<unknown>(handled);
    };
    const respond = (packet: WritePacket): void => void socket.write(`${JSON.stringify({ ...packet, id })}\n`);
    if (this.#callsHooks) return this.handleRequest(context, handle, respond);
    return this.send(await handle(), respond);
  }
}

export class PlainClient extends ClientProxy {
  #socket: Socket | undefined;
  #connected: Promise<void> | undefined;

  constructor(private readonly port: () => number) {
    super();
  }

  connect(): Promise<unknown> {
    return (this.#connected ??= this.#connect());
  }

  close(): void {
    this.#socket?.destroy();
    this.#connected = undefined;
  }

  unwrap<T>(): T {
    return this.#socket as T;
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const id = randomUUID();
    this.routingMap.set(id, callback);
    this.#write(packet, id);
    return () => this.routingMap.delete(id);
  }

  protected dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    this.#write(packet);
    return Promise.resolve(undefined as T);
  }

  async #connect(): Promise<void> {
    const socket = (this.#socket = connect(this.port(), '127.0.0.1'));
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    createInterface(socket).on('line', (line) => {
      const { id, ...packet } = JSON.parse(line) as WritePacket & { id: string };
      this.routingMap.get(id)?.(packet);
    });
  }

  #write({ pattern, data }: ReadPacket, id?: string): void {
    const { headers, ...message } = data instanceof PlainRecord ? data : { data: data as unknown, headers: undefined };
    this.#socket?.write(`${JSON.stringify({ pattern: pattern as string, ...message, headers, id })}\n`);
  }
}
