import { type AnyAlgorithmName } from './algorithms';
import { TokenRejected, VerifierUnavailable } from './refusals';
import { type KeyReport, type KeySource } from './resolve-key';
import {
  importKeySet,
  type ImportedKeys,
  type JsonWebKeySet,
  reasons,
  renewed,
  type VerificationKey,
} from './verification-key';

interface ChangingKeysOptions {
  readonly algorithms: ReadonlySet<AnyAlgorithmName>;
  /** Called when a key has left the set. */
  readonly onRemoval: () => void;
}

const NONE: ImportedKeys = Object.freeze({ keys: new Map<string, VerificationKey>(), unusable: [] });

/**
 * Keys that somebody in this process holds and changes: asked for at each look, so that one that has left is used no
 * more. While they can't be had, or none of them can be used, there are none.
 */
export class ChangingKeys implements KeySource {
  readonly single = false;
  readonly #ask: () => unknown;
  readonly #options: ChangingKeysOptions;
  /** What `#imported` was made of. */
  #set: unknown = NONE;
  #imported = NONE;
  #failure: Error | undefined;
  #isTelling = false;

  constructor(ask: () => JsonWebKeySet, options: ChangingKeysOptions) {
    this.#ask = ask;
    this.#options = options;
  }

  get ready(): boolean {
    return this.#current().keys.size > 0;
  }

  get lateHandlingSeconds(): number | undefined {
    return this.#current().lateHandlingSeconds;
  }

  known(kid: string): VerificationKey | undefined {
    return this.#current().keys.get(kid);
  }

  find(kid: string): VerificationKey {
    const { keys } = this.#current();
    if (keys.size === 0) throw new VerifierUnavailable('keys_unavailable', { cause: this.#failure });
    const key = keys.get(kid);
    if (!key) throw new TokenRejected('key_unknown');
    return key;
  }

  report(): KeyReport {
    const { keys, unusable } = this.#current();
    return {
      source: 'jwks',
      usable: [...keys.values()],
      unusable,
      ...(this.#failure && { lastFailure: this.#failure.message }),
    };
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  refresh(): void {}

  close(): void {}

  #current(): ImportedKeys {
    let set: unknown;
    try {
      set = this.#ask();
    } catch (error) {
      this.#set = NONE;
      const reason = error instanceof Error ? error.message : typeof error;
      return this.#take(NONE, new Error(`jwks: ${reason}`, { cause: error }));
    }
    if (set === this.#set) return this.#imported;
    this.#set = set;
    const imported = importKeySet(set, this.#options.algorithms);
    if (imported.keys.size > 0) return this.#take(imported, undefined);
    // A promise is no set either.
    if (set instanceof Promise) set.catch(() => undefined);
    return this.#take(imported, new Error(`jwks: holds no key that can be used${reasons(imported)}`));
  }

  #take(imported: ImportedKeys, failure: Error | undefined): ImportedKeys {
    const { keys, removed } = renewed(this.#imported, imported);
    this.#failure = failure;
    const taken = (this.#imported = { ...imported, keys });
    // Whoever is told looks keys up, and may find another set by then.
    if (removed && !this.#isTelling) {
      this.#isTelling = true;
      try {
        this.#options.onRemoval();
      } finally {
        this.#isTelling = false;
      }
    }
    return taken;
  }
}
