import { Logger } from '@nestjs/common';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { type ConnectionOptions } from 'node:tls';
import { RefusedClients } from '../refused-clients';
import { TcpConnection } from './tcp-connection';

export interface RenewingTcpClientOptions {
  readonly host: string;
  readonly port: number;
  /** For `tls.connect`, read at each new connection. Default: no TLS. */
  readonly tlsOptions?: ConnectionOptions | undefined;
  /** How long one connection is used, ± 20 %, in milliseconds. Default: 5 minutes. */
  readonly maxAgeMs?: number;
}

const MAX_AGE_MS = 300_000;
/** After how long a renewal that has failed is tried again. */
const RETRY_MS = 10_000;

/**
 * A client of a Nest TCP server of which there are several, behind one address, and which come and go. In Nest's own, one
 * connection is all there is: it stays with one server for ever, and calls are lost when that one ends.
 *
 * - A server that drains says so, and each connection has an age: then the next call goes by a new one, and the old one
 *   ends when everything on it is answered. So load finds its way to servers that are new.
 * - A connection that has gone, or on which nothing comes any more, is replaced too.
 * - An attempt to connect takes 3 s at most, and is made twice: another server may be behind the address by then. Nothing
 *   was sent before it succeeds. What was sent is never sent again by this class, which can't tell what became of it.
 */
export class RenewingTcpClient extends ClientProxy {
  readonly #options: RenewingTcpClientOptions;
  readonly #connections = new Set<TcpConnection>();
  readonly #log = new Logger(RenewingTcpClient.name);
  readonly #failures = new RefusedClients(
    { warn: (details: object, message: string) => this.#log.warn(`${message}: ${JSON.stringify(details)}`) },
    undefined,
    'a connection has failed',
  );
  #current: TcpConnection | undefined;
  #opening: Promise<void> | undefined;
  /** By the monotonic clock, in milliseconds. */
  #renewAt = 0;
  /** How often it was closed: what was begun before isn't used after. */
  #closes = 0;

  constructor(options: RenewingTcpClientOptions) {
    super();
    this.#options = options;
  }

  override async connect(): Promise<void> {
    if (!this.#current?.isUsable) return this.#open();
    // In the background: the one that there is serves as long.
    if (performance.now() >= this.#renewAt) void this.#renew();
  }

  override close(): void {
    this.#closes++;
    this.#current = undefined;
    this.#opening = undefined;
    for (const connection of this.#connections) connection.close();
  }

  override on(): never {
    throw new Error('there is no one connection to listen to');
  }

  override unwrap(): never {
    throw new Error('there is no one connection');
  }

  protected override publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    if (this.#current) return this.#current.ask(packet, callback);
    callback({ err: new Error('the client is closed') });
    return () => undefined;
  }

  protected override async dispatchEvent<Result>(packet: ReadPacket): Promise<Result> {
    if (!this.#current) throw new Error('the client is closed');
    return (await this.#current.tell(packet)) as Result;
  }

  async #renew(): Promise<void> {
    this.#renewAt = performance.now() + RETRY_MS;
    try {
      await this.#open();
    } catch (error) {
      this.#log.warn(`a connection could not be renewed: ${(error as Error).message}`);
    }
  }

  #open(): Promise<void> {
    this.#opening ??= this.#attemptTwice();
    return this.#opening;
  }

  async #attemptTwice(): Promise<void> {
    const closes = this.#closes;
    try {
      await this.#attempt().catch(() => this.#attempt(closes));
    } finally {
      if (closes === this.#closes) this.#opening = undefined;
    }
  }

  /** @param closes how often it had been closed when the caller began */
  async #attempt(closes = this.#closes): Promise<void> {
    if (closes !== this.#closes) throw new Error('the client is closed');
    const { host, port, tlsOptions, maxAgeMs = MAX_AGE_MS } = this.#options;
    const connection = new TcpConnection(
      { host, port, ...(tlsOptions && { tlsOptions }) },
      () => this.#connections.delete(connection),
      (reason) => this.#failures.tell({ reason }),
    );
    this.#connections.add(connection);
    await connection.connected();
    if (closes !== this.#closes) {
      connection.close();
      throw new Error('the client is closed');
    }
    this.#current?.retire();
    this.#current = connection;
    this.#renewAt = performance.now() + maxAgeMs * (0.8 + 0.4 * Math.random());
  }
}
