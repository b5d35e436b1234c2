import { type RevocationSource, type RevocationStats } from '../core/check-revocation';
import { tell } from '../core/observer';
import { type Principal } from '../core/principal';
import { VerifierUnavailable } from '../core/refusals';
import { type Revocation, type RevocationEntry } from './revocation-entry';
import { RevocationList, type RevocationListOptions } from './revocation-list';

/** Told how a source keeps up with its issuer: for the log. What it throws is reported as a process warning. */
export interface RevocationObserver {
  /** The source is up to date, for the first time or again. */
  followed?(event: { readonly entries: number }): void;
  /** The source isn't kept up to date any more. Told once for each reason, until it is again. */
  lost?(event: { readonly reason: string }): void;
}

export interface RevocationCopyOptions extends RevocationListOptions {
  /** A clock that nobody sets, in milliseconds. Default: `performance.now`. */
  readonly monotonic?: () => number;
}

/**
 * The copy of an issuer's revocations that a source keeps: what it holds, and as of when it is complete. Until it was
 * complete once, it can't tell.
 */
export class RevocationCopy implements RevocationSource {
  readonly #list: RevocationList;
  readonly #issuer: string;
  readonly #monotonic: () => number;
  readonly #listeners = new Set<(news: undefined) => void>();
  readonly #keyListeners = new Set<(news: undefined) => void>();
  readonly #entryListeners = new Set<(entries: readonly Revocation[]) => void>();
  readonly #whenReady: Promise<void>;
  #becomeReady: () => void = () => undefined;
  #version = 0;
  /** On the monotonic clock: everything that was revoked by then is here. */
  #completeAsOf = -Infinity;

  constructor({ monotonic = () => performance.now(), ...options }: RevocationCopyOptions) {
    this.#list = new RevocationList(options);
    this.#issuer = options.issuer;
    this.#monotonic = monotonic;
    this.#whenReady = new Promise((resolve) => (this.#becomeReady = resolve));
  }

  /** Adds to what is there, and tells those who have subscribed if anything of it is new, or if keys have changed. */
  merge(entries: Iterable<RevocationEntry>): void {
    let changed = false;
    let keysChanged = false;
    // What was there before it was complete for the first time is no news to anybody.
    const hasNews = this.#entryListeners.size > 0 && this.ready;
    const news: Revocation[] = [];
    for (const entry of entries) {
      const isNew = this.#list.add(entry);
      changed ||= isNew;
      if (entry.kind === 'keys') keysChanged = true;
      else if (isNew && hasNews) news.push(entry);
    }
    if (changed) {
      this.#version++;
      tellAll(this.#listeners, undefined);
    }
    if (news.length > 0) tellAll(this.#entryListeners, news);
    if (keysChanged) tellAll(this.#keyListeners, undefined);
  }

  /**
   * A snapshot was merged in place of events: that keys have changed may have been one of them. Before the copy is
   * complete for the first time nobody is told: those who would be are just fetching the first keys.
   */
  keysMayHaveChanged(): void {
    if (this.ready) tellAll(this.#keyListeners, undefined);
  }

  /**
   * Everything that was revoked up to then has been merged.
   *
   * @param ageMs how long ago that was, in milliseconds
   */
  completeAsOf(ageMs: number): void {
    // An answer that was long on its way doesn't make older what a faster one has brought.
    this.#completeAsOf = Math.max(this.#completeAsOf, this.#monotonic() - ageMs);
    this.#becomeReady();
  }

  isRevoked(principal: Principal): boolean {
    if (this.#list.isRevoked(principal)) return true;
    // Of the tokens of other issuers it knows nothing, and never will.
    if (!this.ready && principal.issuer === this.#issuer)
      throw new VerifierUnavailable('revocation_unavailable', { debug: 'no snapshot has come yet' });
    return false;
  }

  /** Of a key that it knows nothing of yet it says no: `isRevoked` says that it can't tell. */
  isKeyRevoked(issuer: string, kid: string): boolean {
    return this.#list.isKeyRevoked(issuer, kid);
  }

  subscribe(changed: () => void): () => void {
    return subscribeTo(this.#listeners, changed);
  }

  onKeysChanged(changed: () => void): () => void {
    return subscribeTo(this.#keyListeners, changed);
  }

  /**
   * Calls back with what was revoked, as it comes: the entries that are new here, and none that were there when the copy was
   * complete for the first time.
   *
   * @returns what ends it
   */
  onRevoked(told: (entries: readonly Revocation[]) => void): () => void {
    return subscribeTo(this.#entryListeners, told);
  }

  get version(): number {
    return this.#version;
  }

  get ready(): boolean {
    return this.#completeAsOf !== -Infinity;
  }

  get whenReady(): Promise<void> {
    return this.#whenReady;
  }

  get ageSeconds(): number {
    return Math.max(0, this.#monotonic() - this.#completeAsOf) / 1000;
  }

  /** Tokens issued then or earlier are revoked, whoever they are for; minus infinity if there are no such. */
  get notBefore(): number {
    return this.#list.notBefore;
  }

  /** The epoch that tokens of this user must have; minus infinity if none of them is revoked. */
  epochOf(subject: string): number {
    return this.#list.epochOf(subject);
  }

  /** Whether every token of that session is revoked. */
  isSessionRevoked(sessionId: string): boolean {
    return this.#list.isSessionRevoked(sessionId);
  }

  get stats(): RevocationStats {
    return { entries: this.#list.size, hits: this.#list.hits };
  }

  entries(): Iterable<Revocation> {
    return this.#list.entries();
  }

  /** Forgets what has expired. */
  sweep(): void {
    this.#list.sweep();
  }
}

function subscribeTo<News>(listeners: Set<(news: News) => void>, changed: (news: News) => void): () => void {
  // Of its own, so that the same function given twice is two. What it throws is no failure of the source, and keeps
  // nobody else from being told.
  const listener = (news: News): void => tell({ changed: () => changed(news) }, 'changed', undefined);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function tellAll<News>(listeners: ReadonlySet<(news: News) => void>, news: News): void {
  for (const listener of [...listeners]) listener(news);
}
