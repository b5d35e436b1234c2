/** More different ones than this have little in common. */
const MOST_SHARED = 10_000;

/** Values that many sessions have in common, each kept once. */
export class SharedValues<Value> {
  readonly #values = new Map<string, Value>();

  /** @param make the value of a key that isn't known, or isn't any more */
  of(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    // Whoever logs in with another one each time must not make this grow for good.
    if (this.#values.size >= MOST_SHARED) this.#values.clear();
    const made = make();
    this.#values.set(key, made);
    return made;
  }
}

/** Longer than what sessions hold. */
const space = Buffer.alloc(512);

/** A copy of its own: V8 makes a part of a string by holding on to the whole of it, and a sum by holding on to its parts. */
export function flat(text: string): string {
  const copy = space.toString('latin1', 0, space.write(text, 'latin1'));
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}
