import { StartRefused } from '@token-relay/service-kit';
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Repeater } from './repeater';

const LOOK_EVERY_MS = 250;

export interface WatchedFileOptions<Content> {
  /** What it is called in messages: the name in the environment that leads to it. */
  readonly name: string;
  readonly path: string;
  /** @throws StartRefused saying what is wrong, and no value */
  readonly parse: (text: string) => Content;
}

export interface FileObserver<Content> {
  /** The file has another content, which counts from now on. */
  changed?(now: Content, before: Content): void;
  /** The file has changed into one that is refused: what was read before goes on. */
  refused(reason: string): void;
}

/**
 * What stands in a file, read again within a second after the file has changed. It looks at the path rather than
 * being told: an orchestrator changes a mounted file by leading a symbolic link elsewhere.
 */
export class WatchedFile<Content> {
  #content: Content;
  /** What was read last, `undefined` when that failed; it need not be what the content is made of. */
  #text: string | undefined;
  /** What the file looked like when it was last read, and whether that has been twice in a row. */
  #seen: string | undefined;
  #settled = false;
  #observer: FileObserver<Content> | undefined;
  readonly #looks: Repeater;

  /** @throws StartRefused when the file can't be read, or is refused */
  constructor(private readonly options: WatchedFileOptions<Content>) {
    try {
      this.#text = readFileSync(options.path, 'utf8');
    } catch {
      throw new StartRefused(`${options.name} can not be read`);
    }
    this.#content = options.parse(this.#text);
    this.#looks = new Repeater(() => this.#look(), {
      everyMs: LOOK_EVERY_MS,
      atMostMs: LOOK_EVERY_MS,
      onFailure: (error) => this.#observer?.refused((error as Error).message),
    });
  }

  get content(): Content {
    return this.#content;
  }

  /** Looks at the file four times a second from now on. */
  watch(observer: FileObserver<Content>): void {
    this.#observer = observer;
    void this.#looks.now();
  }

  /** Looks at the file now. */
  look(): Promise<void> {
    return this.#looks.now();
  }

  close(): Promise<void> {
    return this.#looks.close();
  }

  async #look(): Promise<void> {
    const seen = await this.#appearance();
    if (seen === this.#seen && this.#settled && this.#text !== undefined) return;
    // Read once more when it has looked the same twice: a time of change is too coarse to tell two changes in a row.
    this.#settled = seen === this.#seen;
    this.#seen = seen;
    const text = await readFile(this.options.path, 'utf8').catch(() => undefined);
    if (text === this.#text) return;
    this.#text = text;
    this.#take(text);
  }

  #take(text: string | undefined): void {
    const before = this.#content;
    let content: Content;
    try {
      if (text === undefined) throw new StartRefused(`${this.options.name} can not be read`);
      content = this.options.parse(text);
    } catch (error) {
      this.#observer?.refused((error as Error).message);
      return;
    }
    this.#content = content;
    this.#observer?.changed?.(content, before);
  }

  async #appearance(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.options.path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    } catch {
      return 'not there';
    }
  }
}
