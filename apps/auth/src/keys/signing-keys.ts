import { type JsonWebKeySet } from '@token-relay/jwt-guard';
import { StartRefused, StoreUnavailable } from '@token-relay/service-kit';
import { type CryptoKey, importJWK } from 'jose';
import { randomUUID } from 'node:crypto';
import { Repeater } from '../repeater';
import { generateKey } from './generate-key';
import {
  activeKey,
  advance,
  type Change,
  compromise,
  compromiseAll,
  isDue,
  lateHandlingSeconds,
  type KeyAlgorithm,
  type KeyGenerator,
  newRing,
  planRotation,
  publishedKeys,
  resealed,
  type Ring,
  type RingEvent,
  type RingTimes,
  withLateHandling,
} from './key-ring';
import { type RingSeal, SealBroken } from './ring-seal';
import { type RingStore, type StoredRing } from './ring-store';

/** What access tokens are signed with now. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  readonly privateKey: CryptoKey;
}

const LOOK_MS = 500;
const LOOK_MS_AT_MOST = 2_000;
/** Longer than a look takes, and its pause. */
const LEASE_MS = 5_000;
/** A ring that couldn't be looked at for so long may be another one by now. */
const UNCONFIRMED_MS = 10_000;
/**
 * How long a ring stays as another auth has encrypted it. While an update rolls each takes its own key for the current
 * one: at once, they would undo each other's work again and again.
 */
const RESEAL_MS = 60_000;
/** How long it counts what an auth has said of handling tokens late, and a third of it how often it says so. */
const LATE_HANDLING_MS = 60_000;
const ATTEMPTS = 5;
/** Who changes the ring as time passes. */
const SCHEDULE = 'schedule';

export interface SigningKeysOptions {
  readonly store: RingStore;
  readonly seal: RingSeal;
  readonly times: RingTimes;
  /** What a first ring is made for. */
  readonly algorithm: KeyAlgorithm;
  /**
   * Tells everybody: that the ring has changed (`version`), and which keys are refused from now on. Called again until
   * it succeeds.
   */
  readonly publish: (change: { readonly version: number; readonly compromised: readonly string[] }) => Promise<void>;
  /** Refuses to make a first ring: for who only wants to work on one. Default: false. */
  readonly mustExist?: boolean;
  /** Whether everybody has been told that this key is refused. */
  readonly isRevoked: (kid: string) => boolean;
  /** Is told of each transition. */
  readonly onEvent?: (event: RingEvent) => void;
  readonly onTrouble?: (error: unknown) => void;
  /** Is told once when another auth has more seconds for handling tokens late: these count then. */
  readonly onLongerLateHandling?: (seconds: number) => void;
  readonly generate?: KeyGenerator;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly now?: () => number;
  /** Milliseconds, by a clock that nobody sets. */
  readonly monotonic?: () => number;
}

/**
 * The ring as this auth has it: as the store has it, half a second ago at the most. Any auth may change it; of two that
 * change the same version one does, and the other looks again.
 */
export class SigningKeys {
  readonly #options: Options;
  readonly #id = randomUUID();
  readonly #looks: Repeater;
  #ring: Ring;
  #signer: SigningKey;
  #jwks: JsonWebKeySet;
  /** As it is stored. */
  #sealed: string;
  /** When to encrypt it anew, by the monotonic clock; never, if that was done with the current key of encryption. */
  #resealAt: number;
  #confirmedAt: number;
  #working: Promise<unknown> = Promise.resolve();
  /** The version that everybody was told of. */
  #announced: number;
  /** When to say again what is configured here, by the monotonic clock. */
  #sayLateAt = -Infinity;
  #toldLate: number | undefined;

  /** @throws StartRefused when the ring can't be had, or not be decrypted; nothing is overwritten then */
  static async open(options: SigningKeysOptions): Promise<SigningKeys> {
    const all = { generate: generateKey, now: () => Date.now() / 1000, monotonic: () => performance.now(), ...options };
    const at = all.monotonic();
    const opened = await openOrMake(all);
    return new SigningKeys(all, opened, await signerOf(opened.ring), at);
  }

  private constructor(
    options: Options,
    { ring, sealed, isCurrent }: OpenedRing,
    signer: SigningKey,
    confirmedAt: number,
  ) {
    this.#options = options;
    this.#ring = ring;
    this.#signer = signer;
    this.#jwks = jwksOf(ring);
    this.#confirmedAt = confirmedAt;
    this.#sealed = sealed;
    this.#resealAt = isCurrent ? Infinity : confirmedAt;
    this.#announced = ring.version;
    this.#looks = new Repeater(() => this.#alone(() => this.#look()), {
      everyMs: LOOK_MS,
      atMostMs: LOOK_MS_AT_MOST,
      onFailure: (error) => options.onTrouble?.(error),
    });
  }

  /** Follows the store from now on. */
  start(): void {
    void this.#looks.now();
  }

  /** Resolves when nothing goes on any more. */
  async close(): Promise<void> {
    await this.#looks.close();
    await this.#working;
  }

  /**
   * Looks at the store once more from now on: somebody has said that the ring is another one.
   *
   * @returns whether it could
   */
  async look(): Promise<boolean> {
    try {
      await this.#alone(() => this.#look());
      return true;
    } catch (error) {
      this.#options.onTrouble?.(error);
      return false;
    }
  }

  /** How long ago the store was last seen to have this ring. */
  get unconfirmedSeconds(): number {
    return (this.#options.monotonic() - this.#confirmedAt) / 1000;
  }

  /** @throws StoreUnavailable while nobody can say whether it is still this one */
  get signer(): SigningKey {
    if (this.#options.monotonic() - this.#confirmedAt > UNCONFIRMED_MS) throw new StoreUnavailable();
    return this.#signer;
  }

  /**
   * What signs now, and isn't refused by everybody: that it is may be known before the ring is that says so.
   *
   * @throws StoreUnavailable
   */
  async signingKey(): Promise<SigningKey> {
    if (this.#options.isRevoked(this.signer.kid)) await this.look();
    if (this.#options.isRevoked(this.signer.kid)) throw new StoreUnavailable();
    return this.signer;
  }

  /** What verifiers fetch; another object whenever it is another set. */
  get jwks(): JsonWebKeySet {
    return this.#jwks;
  }

  get ring(): Ring {
    return this.#ring;
  }

  get times(): RingTimes {
    return this.#options.times;
  }

  /** How long after it was issued a token may be judged late: what auth can keep its word for. */
  get lateHandlingSeconds(): number {
    return lateHandlingSeconds(this.#ring, this.#options.now());
  }

  /** For how long everything is kept for who handles tokens late: at no auth for less than at any other. */
  get keptLateSeconds(): number {
    return Math.max(this.#options.times.lateHandlingSeconds, this.#ring.late?.seconds ?? 0);
  }

  /**
   * Has the next key sign as soon as every verifier has had time to fetch it.
   *
   * @throws RotationPending, StoreUnavailable
   */
  async rotate(by: string, algorithm?: KeyAlgorithm, reason?: string): Promise<Ring> {
    const { times, generate } = this.#options;
    return this.#change(by, reason, async (ring, change) =>
      advance(await planRotation(ring, times, algorithm, generate, change), times, generate, change),
    );
  }

  /**
   * Refuses a key, and whatever it has signed, from now on.
   *
   * @throws UnknownKey, StoreUnavailable: it may be refused nonetheless
   */
  async compromise(kid: string, by: string, reason?: string): Promise<Ring> {
    const { times, generate } = this.#options;
    return this.#change(by, reason, (ring, change) => compromise(ring, times, kid, generate, change));
  }

  /**
   * Refuses all keys, and makes others.
   *
   * @throws StoreUnavailable: they may be refused nonetheless
   */
  async compromiseAll(by: string, reason?: string): Promise<Ring> {
    return this.#change(by, reason, (ring, change) => compromiseAll(ring, this.#options.generate, change));
  }

  #change(by: string, reason: string | undefined, make: Transition): Promise<Ring> {
    return this.#alone(() => this.#attemptChange(by, reason, make));
  }

  async #attemptChange(by: string, reason: string | undefined, make: Transition): Promise<Ring> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      await this.#adoptStored();
      const before = this.#ring;
      const next = await make(before, { now: this.#options.now(), by, ...(reason !== undefined && { reason }) });
      if (next === before || (await this.#write(before, next))) {
        await this.#announce();
        return next;
      }
    }
    throw new StoreUnavailable();
  }

  /** One after the other: what one has read the other would make old. */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => undefined);
    return done;
  }

  async #look(): Promise<void> {
    const { times, generate, store, now, monotonic } = this.#options;
    await this.#adoptStored();
    const change = { now: now(), by: SCHEDULE };
    const before = this.#ring;
    const configured = withLateHandling(before, await this.#mostLateHandling(), change);
    const isDueNow = configured !== before || isDue(before, times, change.now);
    const leaked = publishedKeys(before).find(({ kid }) => this.#options.isRevoked(kid));
    if (leaked) {
      // Everybody refuses it, and the ring that said so was lost.
      const why = { ...change, reason: 'it is refused everywhere' };
      await this.#write(before, await compromise(before, times, leaked.kid, generate, why));
    } else if ((isDueNow || this.#resealAt <= monotonic()) && (await store.lead(this.#id, LEASE_MS))) {
      const next = isDueNow ? await advance(configured, times, generate, change) : resealed(before, change);
      // Another one was faster: the next look shows what it made.
      await this.#write(before, next);
    }
    await this.#announce();
  }

  /**
   * What is configured for handling tokens late: the most of what any auth has said lately. While an update rolls, or
   * where they don't agree, each would set its own again and again, and none would ever be kept for long enough.
   */
  async #mostLateHandling(): Promise<number> {
    const { store, monotonic, times, onLongerLateHandling } = this.#options;
    const { lateHandlingSeconds: own } = times;
    if (own === (this.#ring.late?.seconds ?? 0) && monotonic() < this.#sayLateAt) return own;
    const most = await store.mostLateHandling(own, LATE_HANDLING_MS);
    this.#sayLateAt = monotonic() + LATE_HANDLING_MS / 3;
    if (most > own && most !== this.#toldLate) onLongerLateHandling?.(most);
    this.#toldLate = most;
    return most;
  }

  /** Takes the store's ring, if that is another one; puts this one back where the store has lost it. */
  async #adoptStored(): Promise<void> {
    const at = this.#options.monotonic();
    const stored = await this.#options.store.read();
    if (stored?.sealed !== this.#sealed) await this.#settle(stored);
    this.#confirmedAt = at;
  }

  async #settle(stored: StoredRing | undefined): Promise<void> {
    if (stored) {
      const { ring, isCurrent } = await this.#options.seal.open(stored.sealed);
      if (isToFollow(ring, this.#ring, isCurrent)) {
        await this.#adopt(ring, stored.sealed);
        this.#resealAt = isCurrent ? Infinity : this.#options.monotonic() + RESEAL_MS;
        // By whoever has changed it; and where that has ended before, verifiers fetch keys anyway.
        this.#announced = ring.version;
        return;
      }
    }
    // Lost, or put back to what it was before: by a restored copy, or by somebody who would like a key back.
    const sealed = await this.#options.seal.seal(this.#ring);
    if (!(await this.#options.store.write({ version: this.#ring.version, sealed }, stored?.sealed))) {
      throw new StoreUnavailable();
    }
    this.#sealed = sealed;
    this.#resealAt = Infinity;
  }

  async #write(before: Ring, next: Ring): Promise<boolean> {
    if (this.#ring !== before) return false;
    const sealed = await this.#options.seal.seal(next);
    if (!(await this.#options.store.write({ version: next.version, sealed }, this.#sealed))) return false;
    await this.#adopt(next, sealed);
    this.#resealAt = Infinity;
    return true;
  }

  async #adopt(ring: Ring, sealed: string): Promise<void> {
    const signer = await signerOf(ring);
    const known = new Set(this.#ring.history.map((event) => JSON.stringify(event)));
    for (const event of ring.history) if (!known.has(JSON.stringify(event))) this.#options.onEvent?.(event);
    this.#ring = ring;
    this.#sealed = sealed;
    this.#signer = signer;
    this.#jwks = jwksOf(ring);
  }

  /** Until everybody knows, whoever has changed the ring, and wherever that one has ended. */
  async #announce(): Promise<void> {
    const { version, keys } = this.#ring;
    const compromised = keys.filter(({ kid, state }) => state === 'compromised' && !this.#options.isRevoked(kid));
    if (version === this.#announced && compromised.length === 0) return;
    await this.#options.publish({ version, compromised: compromised.map(({ kid }) => kid) });
    this.#announced = version;
  }
}

type Options = SigningKeysOptions & Required<Pick<SigningKeysOptions, 'generate' | 'now' | 'monotonic'>>;

interface OpenedRing {
  readonly ring: Ring;
  readonly sealed: string;
  /** Whether it was encrypted with the current key of encryption. */
  readonly isCurrent: boolean;
}

type Transition = (ring: Ring, change: Change) => Promise<Ring>;

/**
 * Nobody can make a ring but who has the key that it is sealed with, but whoever can write the store can put an old one
 * back. Of two that are as new the store's counts, for all: another auth has put it back, has encrypted it, or was faster.
 */
function isToFollow(ring: Ring, known: Ring, isCurrent: boolean): boolean {
  if (ring.id === known.id) return ring.version >= known.version;
  // With a key of encryption that is on its way out nobody begins anew.
  return isCurrent && ring.createdAt >= known.createdAt;
}

async function openOrMake({ store, seal, algorithm, generate, now, mustExist, times }: Options): Promise<OpenedRing> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const stored = await store.read().catch((cause: unknown) => {
      throw new StartRefused('REDIS_URL: the signing keys can not be had', { cause });
    });
    if (stored) {
      const opened = await seal.open(stored.sealed).catch((cause: unknown) => {
        if (!(cause instanceof SealBroken)) throw cause;
        const names = 'KEY_ENCRYPTION_KEY, KEY_DECRYPTION_KEYS';
        throw new StartRefused(`${names}: none of them decrypts the signing keys; nothing was changed`, { cause });
      });
      return { ...opened, sealed: stored.sealed };
    }
    if (mustExist) throw new StartRefused('REDIS_URL: there are no signing keys in this Redis; auth makes them');
    const change = { now: now(), by: SCHEDULE };
    const ring = await newRing(randomUUID(), algorithm, generate, change, times.lateHandlingSeconds);
    const sealed = await seal.seal(ring);
    if (await store.write({ version: ring.version, sealed }, undefined)) return { ring, sealed, isCurrent: true };
  }
  throw new StartRefused('REDIS_URL: the signing keys do not stay in Redis');
}

async function signerOf(ring: Ring): Promise<SigningKey> {
  const { kid, algorithm, jwks } = activeKey(ring);
  // Not extractable: from here on the private key can't leave the crypto library.
  const privateKey = await importJWK({ ...jwks?.private, alg: algorithm }, algorithm, { extractable: false });
  if (privateKey instanceof Uint8Array) throw new TypeError('a signing key must be a private key');
  return { kid, algorithm, privateKey };
}

/** The public halves, as they are derived from what was decrypted, and nothing else of them. */
function jwksOf(ring: Ring): JsonWebKeySet {
  const keys = publishedKeys(ring).map(({ kid, algorithm, jwks }) => ({
    ...jwks?.public,
    kid,
    alg: algorithm,
    use: 'sig',
  }));
  return { keys };
}
