import { type StreamEvent } from '@token-relay/jwt-guard';

/** The newest events of a stream, so that whoever was away for a while can go on where it was. */
export class EventRing {
  #streamId = '';
  /** Number of the last event. */
  #last = 0;
  #events: StreamEvent[] = [];

  constructor(private readonly capacity: number) {}

  /** Begins anew, at event number `last`, with those of the events that lead to it. */
  reset(streamId: string, last: number, events: readonly StreamEvent[]): void {
    this.#streamId = streamId;
    this.#last = last;
    this.#events = [];
    const until = events.findLastIndex(({ n }) => n === last);
    for (let i = until; i >= 0; i--) {
      const event = events[i];
      if (event?.streamId !== streamId || event.n !== last - (until - i)) break;
      this.#events.unshift(event);
    }
  }

  push(events: readonly StreamEvent[]): void {
    this.#events.push(...events);
    this.#last = events.at(-1)?.n ?? this.#last;
    if (this.#events.length > 2 * this.capacity) this.#events = this.#events.slice(-this.capacity);
  }

  get streamId(): string {
    return this.#streamId;
  }

  get last(): number {
    return this.#last;
  }

  /** The events behind number `n`; `undefined` where one of them, or `n` itself, isn't known any more or never was. */
  after(streamId: string, n: number, limit: number): readonly StreamEvent[] | undefined {
    const first = this.#last - this.#events.length;
    if (streamId !== this.#streamId || n < first || n > this.#last) return undefined;
    return this.#events.slice(n - first, n - first + limit);
  }
}
