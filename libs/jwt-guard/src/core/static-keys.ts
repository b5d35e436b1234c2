import { type AlgorithmName } from './algorithms';
import { TokenRejected } from './refusals';
import { type KeySource } from './resolve-key';
import { importKeySet, type JsonWebKeySet, type VerificationKey } from './verification-key';

/** Keys that are given, not fetched. */
export class StaticKeys implements KeySource {
  readonly ready = true;
  readonly #keys: ReadonlyMap<string, VerificationKey>;

  /** @throws TypeError when no key of the set can be used */
  constructor(keySet: JsonWebKeySet, algorithms: ReadonlySet<AlgorithmName>) {
    this.#keys = importKeySet(keySet, algorithms);
    if (this.#keys.size === 0) throw new TypeError('jwks: holds no key that can be used');
  }

  find(kid: string): VerificationKey {
    const key = this.#keys.get(kid);
    if (!key) throw new TokenRejected('key_unknown');
    return key;
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
