import { type Type } from '@nestjs/common';
import { JsonSocket, type TcpSocket } from '@nestjs/microservices';
import { type Socket } from 'node:net';
import { type Drain } from '../drain';
import { GOODBYE } from './goodbye';

interface Answer {
  readonly id?: string;
  readonly err?: unknown;
  readonly isDisposed?: boolean;
}

/**
 * The `socketClass` of a Nest TCP server that drains. While it does, its clients are told one after the other to connect
 * anew (`RenewingTcpClient` does); and what they have asked is answered before the end.
 *
 * @param limits of Nest's sockets, which Nest gives to a class of its own only
 */
export function drainingSocket(drain: Drain, limits: { readonly maxBufferSize: number }): Type<TcpSocket> {
  return class DrainingSocket extends JsonSocket {
    /** What ends each of the calls that aren't answered yet. */
    readonly #unanswered = new Map<string, () => void>();

    constructor(socket: Socket) {
      super(socket, limits);
      const undrain = drain.lasting(() => this.sendMessage(GOODBYE));
      socket.on('message', ({ id }: { readonly id?: string }) => {
        if (id !== undefined && !this.#unanswered.has(id)) this.#unanswered.set(id, drain.begin());
      });
      socket.once('close', () => {
        undrain();
        for (const ended of this.#unanswered.values()) ended();
      });
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
  };
}
