import { type ServerResponse } from 'node:http';
import { eventText } from './event-text';

const HEARTBEAT_MS = 15_000;
/** Past this, what comes isn't kept for a client that doesn't read. */
const MOST_WAITING_BYTES = 64 * 1024;

/** Server-sent events to one client, as fast as it reads; what it has missed it is told the number of. */
export class EventClient {
  readonly #beating: NodeJS.Timeout;
  #missed = 0;
  #takesNothing = false;

  constructor(
    private readonly response: ServerResponse,
    heartbeatMs: number = HEARTBEAT_MS,
  ) {
    this.#beating = setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  send(name: string, data: object): void {
    this.write(eventText(name, data), 1);
  }

  /** @param events of how many the text is */
  write(text: string, events: number): void {
    if (this.response.writableLength > MOST_WAITING_BYTES) return void (this.#missed += events);
    if (this.#missed > 0) this.#write(eventText('missed', { events: this.#missed }));
    this.#missed = 0;
    this.#write(text);
  }

  /** Nothing comes after that. It goes on to look whether all was taken: until then it holds its connection. */
  end(): void {
    this.response.end();
  }

  /** It has gone. */
  over(): void {
    clearInterval(this.#beating);
  }

  /** Whoever has taken nothing since the last one has gone, or might as well. */
  #beat(): void {
    const isWaiting = this.response.writableLength > 0;
    if (isWaiting && this.#takesNothing) return void this.response.destroy();
    this.#takesNothing = isWaiting;
    if (!isWaiting) this.#write(': \n\n');
  }

  #write(text: string): void {
    if (!this.response.writableEnded && !this.response.destroyed) this.response.write(text);
  }
}
