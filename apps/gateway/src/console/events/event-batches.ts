import { type ConsoleEvent } from './console-events';
import { eventText } from './event-text';

const EVERY_MS = 100;
/** More than anybody can read; what else there was is told by its number. */
const MOST_AT_ONCE = 25;
/** Of which there are as many as there are requests. The others are few, and each says something that no other does. */
const FREQUENT: ReadonlySet<ConsoleEvent['name']> = new Set(['verified', 'exchange', 'called']);

/**
 * Events as text: made once for however many follow them, and handed on ten times a second at most. A gateway that is
 * looked on at has other things to do.
 */
export class EventBatches {
  #texts: string[] = [];
  #left = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param hand takes a batch, and of how many events it is */
  constructor(private readonly hand: (text: string, events: number) => void) {}

  add({ name, data }: ConsoleEvent): void {
    if (FREQUENT.has(name) && this.#texts.length >= MOST_AT_ONCE) this.#left++;
    else this.#texts.push(eventText(name, data));
    this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref();
  }

  /** Forgets what wasn't handed on yet. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#texts = [];
    this.#left = 0;
  }

  #flush(): void {
    const [texts, left] = [this.#texts, this.#left];
    this.clear();
    if (left > 0) texts.push(eventText('missed', { events: left }));
    this.hand(texts.join(''), texts.length);
  }
}
