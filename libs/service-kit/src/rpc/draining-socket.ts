import { type Type } from '@nestjs/common';
import { JsonSocket, type TcpSocket } from '@nestjs/microservices';
import { type Socket } from 'node:net';
import { type Drain } from '../drain';
import { type Logger } from '../logger';
import { RefusedClients } from '../refused-clients';
import { GOODBYE } from './goodbye';

/** How many calls of one connection may be unanswered: some hundred times what a service asks at once. */
const MAX_UNANSWERED = 1_000;

interface Call {
  readonly id: string;
  readonly pattern: string;
}

interface Answer {
  readonly id?: string;
  readonly err?: unknown;
  readonly isDisposed?: boolean;
}

/**
 * The `socketClass` of a Nest TCP server that drains. While it does, its clients are told one after the other to connect
 * anew (`RenewingTcpClient` does); and what they have asked is answered before the end.
 *
 * Who sends anything but calls, or leaves 1,000 unanswered, is cut off at once: Nest waits for the other side to end the
 * connection, goes on reading, and logs what it was sent.
 *
 * @param limits of Nest's sockets, which Nest gives to a class of its own only
 * @param logger is told of clients that were cut off, at a bounded rate, with nothing of what they have sent
 */
export function drainingSocket(
  drain: Drain,
  limits: { readonly maxBufferSize: number },
  logger: Pick<Logger, 'warn'>,
): Type<TcpSocket> {
  const refused = new RefusedClients(logger);
  return class DrainingSocket extends JsonSocket {
    /** What ends each of the calls that aren't answered yet. */
    readonly #unanswered = new Map<string, () => void>();

    constructor(socket: Socket) {
      super(socket, limits);
      const undrain = drain.lasting(() => this.sendMessage(GOODBYE));
      // Before Nest's own listener, to which nothing comes of what is refused here.
      socket.on('message', (message: unknown) => this.#begin(message));
      // Nest's listener would log it, once for each. A connection that has broken closes by itself.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        undrain();
        for (const ended of this.#unanswered.values()) ended();
      });
    }

    override on(event: string, callback: (error?: unknown) => void): this {
      return event === 'error' ? this : super.on(event, callback);
    }

    override sendMessage(message: Answer | typeof GOODBYE, callback?: (error?: unknown) => void): void {
      const { id, err, isDisposed } = message as Answer;
      const isLast = id !== undefined && (isDisposed === true || err !== undefined);
      super.sendMessage(message, (error?: unknown) => {
        callback?.(error);
        // Not before it is on its way.
        if (!isLast) return;
        this.#unanswered.get(id)?.();
        this.#unanswered.delete(id);
      });
    }

    protected override handleDataError(error: Error): void {
      if (this.socket.destroyed) return;
      refused.tell({ reason: error instanceof NotTaken ? error.message : error.constructor.name });
      this.socket.destroy();
    }

    /** @throws NotTaken */
    #begin(message: unknown): void {
      if (!isCall(message)) throw new NotTaken('sends what is no call');
      if (this.#unanswered.has(message.id)) throw new NotTaken('sends a call twice');
      if (this.#unanswered.size >= MAX_UNANSWERED) throw new NotTaken(`has ${MAX_UNANSWERED} calls unanswered`);
      this.#unanswered.set(message.id, drain.begin());
    }
  };
}

class NotTaken extends Error {}

function isCall(message: unknown): message is Call {
  const { id, pattern } = message as Partial<Record<keyof Call, unknown>>;
  return typeof id === 'string' && typeof pattern === 'string';
}
