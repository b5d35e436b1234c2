import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigError } from './config';

/** Well within the ten seconds in which a change is to count. */
const POLL_MS = 3_000;

export interface WatchedFilesOptions<Name extends string, Content> {
  /** By what they are called in messages: the names in the environment that lead to them. */
  readonly paths: Readonly<Record<Name, string>>;
  /** @throws ConfigError saying what is wrong, and nothing of what they hold */
  readonly parse: (files: Readonly<Record<Name, Buffer>>) => Content;
  /** The files have another content, which counts from now on. */
  readonly changed?: (content: Content) => void;
  /** The files have changed into some that are refused: what was read before goes on. Told once of each change. */
  readonly refused?: (reason: string) => void;
  /** How often it looks, in milliseconds. Default: 3,000. */
  readonly pollMs?: number;
}

/**
 * What stands in some files that belong together, read again after they have changed. It looks at the paths rather than
 * being told: an orchestrator changes mounted files by leading a symbolic link elsewhere.
 */
export class WatchedFiles<Name extends string, Content> {
  readonly #options: WatchedFilesOptions<Name, Content>;
  readonly #timer: NodeJS.Timeout;
  #content: Content;
  /** What the content is made of. */
  #taken: Files<Name>;
  /** What was found last and refused, and whether that was told. */
  #refused: { readonly found: Found<Name>; told: boolean } | undefined;
  #looking: Promise<void> | undefined;

  /** @throws ConfigError when one can't be read, or they are refused */
  constructor(options: WatchedFilesOptions<Name, Content>) {
    this.#options = options;
    this.#taken = mapped(options.paths, (name, path) => {
      try {
        return readFileSync(path);
      } catch {
        throw unreadable(name);
      }
    });
    this.#content = options.parse(this.#taken);
    this.#timer = setInterval(() => void this.look(), options.pollMs ?? POLL_MS).unref();
  }

  get content(): Content {
    return this.#content;
  }

  /** Looks at the files now. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { paths, parse, changed } = this.#options;
    const entries = Object.entries<string>(paths).map(
      async ([name, path]) => [name, await readFile(path).catch(() => undefined)] as const,
    );
    const found = Object.fromEntries(await Promise.all(entries)) as Found<Name>;
    if (same(found, this.#taken)) {
      this.#refused = undefined;
      return;
    }
    try {
      for (const name of Object.keys(found) as Name[]) if (!found[name]) throw unreadable(name);
      this.#content = parse(found as Files<Name>);
    } catch (error) {
      return this.#refuse(found, error);
    }
    this.#taken = found as Files<Name>;
    this.#refused = undefined;
    changed?.(this.#content);
  }

  /** They may be read while they are being changed, one new and one old: that is told only if it stays so. */
  #refuse(found: Found<Name>, error: unknown): void {
    if (!(error instanceof ConfigError)) throw error;
    const before = this.#refused;
    if (!before || !same(found, before.found)) {
      this.#refused = { found, told: false };
    } else if (!before.told) {
      before.told = true;
      this.#options.refused?.(error.problems.map(({ name, reason }) => `${name} ${reason}`).join(', '));
    }
  }
}

type Files<Name extends string> = Readonly<Record<Name, Buffer>>;
type Found<Name extends string> = Readonly<Record<Name, Buffer | undefined>>;

function mapped<Name extends string, Value>(
  record: Readonly<Record<Name, string>>,
  map: (name: Name, value: string) => Value,
): Record<Name, Value> {
  const entries = Object.entries<string>(record).map(([name, value]) => [name, map(name as Name, value)]);
  return Object.fromEntries(entries) as Record<Name, Value>;
}

function same<Name extends string>(one: Found<Name>, other: Found<Name>): boolean {
  return (Object.keys(one) as Name[]).every((name) => {
    const [a, b] = [one[name], other[name]];
    return a === undefined || b === undefined ? a === b : a.equals(b);
  });
}

function unreadable(name: string): ConfigError {
  return new ConfigError([{ name, reason: 'can not be read' }]);
}
