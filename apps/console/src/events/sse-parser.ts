export interface SseEvent {
  readonly name: string;
  readonly data: string;
}

/** More than any event of the gateway has: one without an end must not fill the page's memory. */
const MAX_EVENT_CHARACTERS = 256 * 1024;

/**
 * `text/event-stream` in pieces as they come, cut anywhere: https://html.spec.whatwg.org/#parsing-an-event-stream. Ids and
 * `retry` are passed over: nothing is caught up on here.
 */
export class SseParser {
  #rest = '';
  #begun = false;
  #name = '';
  #data: string[] = [];
  #characters = 0;

  /**
   * The events that are complete with this piece.
   *
   * @throws RangeError for an event that is too large
   */
  push(piece: string): SseEvent[] {
    let text = this.#rest + piece;
    if (!this.#begun && text !== '') {
      this.#begun = true;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    // What ends in CR may go on with LF in the next piece, which is the end of no other line.
    const held = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, held).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? '') + text.slice(held);
    if (this.#rest.length > MAX_EVENT_CHARACTERS) throw new RangeError('a line of the event stream is too long');
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): SseEvent[] {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    if (field === 'data') {
      this.#characters += value.length;
      if (this.#characters > MAX_EVENT_CHARACTERS) throw new RangeError('an event of the stream is too large');
      this.#data.push(value);
    }
    return [];
  }

  #end(): SseEvent[] {
    const events = this.#data.length > 0 ? [{ name: this.#name || 'message', data: this.#data.join('\n') }] : [];
    this.#name = '';
    this.#data = [];
    this.#characters = 0;
    return events;
  }
}
