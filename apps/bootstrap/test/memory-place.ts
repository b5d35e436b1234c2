import { type Place } from '../src/place/place';
import { type Contents, type Secret } from '../src/secrets';

/** Keeps secrets in memory, and can break off. */
export class MemoryPlace implements Place {
  readonly secrets = new Map<string, Contents>();
  /** After so many calls it fails. */
  callsLeft = Infinity;
  calls = 0;
  /** What others do before each call. */
  meanwhile: (call: number) => void = () => undefined;

  async read({ name }: Secret): Promise<Partial<Contents> | undefined> {
    await this.#call();
    return this.secrets.get(name);
  }

  async create({ name }: Secret, contents: Contents): Promise<boolean> {
    await this.#call();
    if (this.secrets.has(name)) return false;
    this.secrets.set(name, contents);
    return true;
  }

  /** What is in one under a key; fails where there is nothing. */
  text(name: string, key: string): string {
    const text = this.secrets.get(name)?.[key];
    if (text === undefined) throw new Error(`there is no ${key} in ${name}`);
    return text;
  }

  async #call(): Promise<void> {
    this.meanwhile(this.calls);
    this.calls += 1;
    if (this.callsLeft-- <= 0) throw new Error('interrupted');
    // Others get their turn.
    await Promise.resolve();
  }
}
