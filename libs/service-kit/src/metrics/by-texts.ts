/**
 * Values by up to three texts, each one of not many. A key that is put together of them would be a new text for every call,
 * to be copied and hashed each time, which takes longer than all else that is done for a count.
 */
export class ByTexts<Value> {
  readonly #values = new Map<string, Map<string, Map<string, Value>>>();

  /** @param make what there is from now on, where there was nothing */
  of(first: string, second: string, third: string, make: () => Value): Value {
    const values = this.#values.get(first)?.get(second);
    const value = values?.get(third);
    if (value !== undefined) return value;
    const made = make();
    this.set(first, second, third, made);
    return made;
  }

  private set(first: string, second: string, third: string, value: Value): void {
    let bySecond = this.#values.get(first);
    if (!bySecond) this.#values.set(first, (bySecond = new Map<string, Map<string, Value>>()));
    let byThird = bySecond.get(second);
    if (!byThird) bySecond.set(second, (byThird = new Map<string, Value>()));
    byThird.set(third, value);
  }
}
