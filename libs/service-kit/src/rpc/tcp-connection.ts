import { ClientTCP, JsonSocket, type ReadPacket, type TcpClientOptions, type WritePacket } from '@nestjs/microservices';
import { once } from 'node:events';
import { type Socket } from 'node:net';
import { isGoodbye } from './goodbye';

const CONNECT_TIMEOUT_MS = 3_000;
/** A connection on which a call has waited that long, and nothing has come since, may be dead. */
const SILENCE_MS = 3_000;
/** How long the other side may take to end a connection, too. */
const CLOSE_LIMIT_MS = 1_000;

/** One connection to a Nest TCP server, which is used once, and isn't opened again. */
export class TcpConnection extends ClientTCP {
  #socket: Socket | undefined;
  #isRetired = false;
  #heardAt = 0;

  /**
   * @param closed is called when there is nothing left of it
   * @param failed is told why it has failed, with nothing of what the other side has sent
   */
  constructor(
    options: Required<TcpClientOptions>['options'],
    private readonly closed: () => void,
    private readonly failed: (reason: string) => void,
  ) {
    super({ ...options, socketClass: StrictSocket });
  }

  /** Whether another call can go by it. */
  get isUsable(): boolean {
    return !this.#isRetired && this.#isOpen;
  }

  get #isOpen(): boolean {
    return this.#socket !== undefined && this.#socket.writable && !this.#socket.readableEnded;
  }

  /** Connects, TLS and all. @throws Error when there is no connection within 3 s */
  async connected(): Promise<void> {
    // How it fails is told by the socket's events.
    this.connect().catch(() => undefined);
    const socket = (this.#socket = this.unwrap<Socket>());
    socket.once('close', this.closed);
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`)),
      CONNECT_TIMEOUT_MS,
    );
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    try {
      await once(socket, this.tlsOptions ? 'secureConnect' : 'connect', { signal: gone.signal });
    } finally {
      clearTimeout(timer);
    }
  }

  /** @returns what to call when nobody waits for an answer any more */
  ask(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const askedAt = performance.now();
    const forget = this.publish(packet, callback);
    return () => {
      forget();
      if (this.#heardAt < askedAt && performance.now() - askedAt >= SILENCE_MS) this.#isRetired = true;
      this.#endIfDone();
    };
  }

  tell(packet: ReadPacket): Promise<unknown> {
    return this.dispatchEvent(packet);
  }

  /** No other call goes by it; it ends when everything on it is answered. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfDone();
  }

  override async handleResponse(packet: unknown): Promise<void> {
    this.#heardAt = performance.now();
    if (isGoodbye(packet)) this.retire();
    else await super.handleResponse(packet);
  }

  override handleError({ code, message }: NodeJS.ErrnoException): void {
    this.failed(code ?? message);
  }

  override close(): void {
    const socket = this.#socket;
    super.close();
    if (socket?.connecting) socket.destroy();
    else if (socket) setTimeout(() => socket.destroy(), CLOSE_LIMIT_MS).unref();
  }

  #endIfDone(): void {
    if (this.#isRetired && this.#isOpen && this.routingMap.size === 0) this.close();
  }
}

/** Ends the connection at once when the other side sends what is no message: Nest would wait for it, and go on reading. */
class StrictSocket extends JsonSocket {
  protected override handleDataError(error: Error): void {
    // Its message holds what was sent.
    this.socket.destroy(new Error(error.constructor.name));
  }
}
