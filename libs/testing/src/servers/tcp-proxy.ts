import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What was said on one connection, in the order in which it came. */
export interface Overheard {
  /** By the client. */
  asked: string;
  /** By the server. */
  answered: string;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * Stands on 127.0.0.1 between clients and their servers, and does to connections what a network can: it cuts them,
 * swallows what is sent, is slow, or leads elsewhere.
 */
export class TcpProxy {
  /** Milliseconds that everything takes from the client to the server. */
  askDelayMs = 0;
  /** Milliseconds that everything takes from the server to the client. */
  answerDelayMs = 0;
  /** What was said since `overhear` was called, a connection each. */
  readonly overheard: Overheard[] = [];
  #targets: readonly number[];
  /** `cut`: connections are reset as soon as they come. `silent`: they stand, and nothing passes. */
  #state: 'open' | 'cut' | 'silent' = 'open';
  #next = 0;
  #listens = false;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  private constructor(targets: readonly number[]) {
    this.#targets = targets;
    this.#server = createServer((client) => void this.#accept(client));
  }

  /**
   * @param targets ports on 127.0.0.1: new connections are led to one after the other, past those where nobody listens
   */
  static async start(...targets: number[]): Promise<TcpProxy> {
    const proxy = new TcpProxy(targets);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where new connections lead; those that there are stay where they are, unless `drop` ends them. */
  leadTo(...targets: number[]): void {
    this.#targets = targets;
  }

  /** Ends every connection, and takes no other. */
  cut(): void {
    this.#state = 'cut';
    this.drop();
  }

  /** Nothing passes any more, on any connection; nobody is told. */
  silence(): void {
    this.#state = 'silent';
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** As at the beginning. What was swallowed comes now, on the connections that are still there. */
  restore(): void {
    this.#state = 'open';
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  /** Ends every connection; those who come again are served. */
  drop(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** From now on keeps what is said on new connections. */
  overhear(): void {
    this.#listens = true;
    this.overheard.length = 0;
  }

  async stop(): Promise<void> {
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async #accept(client: Socket): Promise<void> {
    client.on('error', () => undefined);
    client.pause();
    const server = this.#state === 'cut' ? undefined : await this.#connected();
    if (!server || this.#state === 'cut' || client.destroyed) {
      client.resetAndDestroy();
      server?.destroy();
      return;
    }
    const pair = { client, server };
    this.#pairs.add(pair);
    const words: Overheard = { asked: '', answered: '' };
    if (this.#listens) this.overheard.push(words);
    this.#pass(client, server, (chunk) => {
      if (this.#listens) words.asked += chunk.toString();
      return this.askDelayMs;
    });
    this.#pass(server, client, (chunk) => {
      if (this.#listens) words.answered += chunk.toString();
      return this.answerDelayMs;
    });
    for (const socket of [client, server]) socket.once('close', () => void this.#pairs.delete(pair));
    if (this.#state === 'silent') return;
    client.resume();
  }

  async #connected(): Promise<Socket | undefined> {
    const targets = this.#targets;
    const first = this.#next++;
    for (let i = 0; i < targets.length; i++) {
      const port = targets[(first + i) % targets.length] ?? 0;
      const server = connect({ host: '127.0.0.1', port, noDelay: true });
      server.on('error', () => undefined);
      const isThere = await Promise.race([
        once(server, 'connect').then(
          () => true,
          () => false,
        ),
        once(server, 'close').then(() => false),
      ]);
      if (isThere) return server;
    }
    return undefined;
  }

  /** @param heard says how long what was heard takes */
  #pass(from: Socket, to: Socket, heard: (chunk: Buffer) => number): void {
    from.setNoDelay(true);
    const waiting: { readonly at: number; readonly pass: () => void }[] = [];
    let timer: NodeJS.Timeout | undefined;
    const passDue = (): void => {
      timer = undefined;
      for (let [first] = waiting; first; [first] = waiting) {
        const left = first.at - performance.now();
        if (left > 0) return void (timer = setTimeout(passDue, Math.ceil(left)).unref());
        waiting.shift();
        first.pass();
      }
    };
    // Nothing overtakes what was heard before it.
    const later = (delay: number, pass: () => void): void => {
      waiting.push({ at: performance.now() + delay, pass });
      if (!timer) passDue();
    };
    from.on('data', (chunk: Buffer) => {
      later(heard(chunk), () => {
        if (to.writable) to.write(chunk);
      });
    });
    from.once('end', () => later(0, () => void to.end()));
    // However it ends, what was sent before may still be on its way.
    from.once('close', (hadError) => later(0, () => void (hadError ? to.resetAndDestroy() : to.end())));
  }
}
