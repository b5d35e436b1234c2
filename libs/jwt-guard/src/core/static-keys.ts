import { type AnyAlgorithmName } from './algorithms';
import { TokenRejected } from './refusals';
import { type KeyReport, type KeySource } from './resolve-key';
import { importKeySet, type ImportedKeys, type JsonWebKeySet, reasons, type VerificationKey } from './verification-key';

/** Keys that are given, not fetched. */
export class StaticKeys implements KeySource {
  readonly single = false;
  readonly ready = true;
  readonly #imported: ImportedKeys;

  /** @throws TypeError when no key of the set can be used */
  constructor(keySet: JsonWebKeySet, algorithms: ReadonlySet<AnyAlgorithmName>) {
    this.#imported = importKeySet(keySet, algorithms);
    if (this.#imported.keys.size === 0)
      throw new TypeError(`jwks: holds no key that can be used${reasons(this.#imported)}`);
  }

  get lateHandlingSeconds(): number | undefined {
    return this.#imported.lateHandlingSeconds;
  }

  known(kid: string): VerificationKey | undefined {
    return this.#imported.keys.get(kid);
  }

  find(kid: string): VerificationKey {
    const key = this.known(kid);
    if (!key) throw new TokenRejected('key_unknown');
    return key;
  }

  report(): KeyReport {
    const { keys, unusable } = this.#imported;
    return { source: 'jwks', usable: [...keys.values()], unusable };
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  refresh(): void {}

  close(): void {}
}
