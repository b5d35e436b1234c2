import { type WebSocket } from 'ws';

/** What one side may have in its buffers before the other is read no more. */
const HELD_BYTES = 256 * 1024;
const GOING_AWAY = 1001;
/** Of a message that is larger than may be. */
const TOO_BIG = 1009;
/** "Bad gateway": the other side of a proxy has broken off. */
const BAD_GATEWAY = 1014;
/** "No status", "abnormal", "TLS failed": what a close frame can't say (RFC 6455, section 7.4.1). */
const UNSENDABLE: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015]);
const NO_STATUS = 1005;

/** Two sockets that are one for both ends: messages, pings, close codes pass, with back-pressure. */
export class SocketBridge {
  #isOver = false;

  constructor(
    private readonly client: WebSocket,
    private readonly service: WebSocket,
    /** Called once, when it is over on both sides. */
    over: (code: number) => void,
  ) {
    this.#pass(client, service, GOING_AWAY);
    this.#pass(service, client, BAD_GATEWAY);
    let left = 2;
    let code = 0;
    for (const socket of [client, service]) {
      socket.once('close', (closedWith: number) => {
        code ||= closedWith;
        if (--left === 0) over(code);
      });
    }
  }

  /** Ends it for both sides. */
  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const socket of [this.client, this.service]) {
      socket.close(code, reason);
      // Else it wouldn't see the answer.
      socket.resume();
    }
  }

  /** Ends it without waiting for anybody. */
  terminate(): void {
    this.client.terminate();
    this.service.terminate();
  }

  /** @param brokenOff what the other side is told when this one ends without a word */
  #pass(from: WebSocket, to: WebSocket, brokenOff: number): void {
    const sent = (): void => {
      if (from.isPaused && to.bufferedAmount < HELD_BYTES) from.resume();
    };
    const passed = (): void => {
      if (to.bufferedAmount >= HELD_BYTES) from.pause();
    };
    from.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#isOver) return;
      to.send(data, { binary: isBinary }, sent);
      passed();
    });
    from.on('ping', (data: Buffer) => {
      if (to.readyState === to.OPEN) to.ping(data, undefined, sent);
      passed();
    });
    from.on('pong', (data: Buffer) => {
      if (to.readyState === to.OPEN) to.pong(data, undefined, sent);
      passed();
    });
    from.on('error', (error: Error & { code?: string }) => {
      // ws closes this side itself, and says why.
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#close(to, TOO_BIG, '');
    });
    from.on('close', (code: number, reason: Buffer) => {
      if (code === NO_STATUS) this.#close(to, undefined, '');
      else this.#close(to, UNSENDABLE.has(code) ? brokenOff : code, reason.toString());
    });
  }

  #close(socket: WebSocket, code: number | undefined, reason: string): void {
    this.#isOver = true;
    socket.close(code, reason);
    socket.resume();
  }
}
