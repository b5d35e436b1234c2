import { type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuthorization } from '../core/basic-authorization';
import { assertionParameters } from '../core/client-assertion';
import { type CurrentContext } from '../core/client-tls';
import { tell } from '../core/observer';
import { backOff, type BackOffTimes } from './back-off';
import { CopiedRevocations } from './copied-revocations';
import { eventStream, type StreamTimes, UnexpectedStatus } from './event-stream';
import { type FeedClient, resolveFeedOptions, type RevocationFeedOptions } from './feed-options';
import { FeedReader } from './feed-reader';
import { RevocationCopy, type RevocationObserver } from './revocation-copy';

/** The numbers of the client, in milliseconds; tests shorten them. */
export interface FeedTimes extends StreamTimes, BackOffTimes {
  /** How often what has expired is forgotten. */
  readonly sweepMs: number;
}

export const FEED_TIMES: FeedTimes = Object.freeze({
  connectMs: 3_000,
  headersMs: 3_000,
  silenceMs: 5_000,
  backOffMs: 100,
  maxBackOffMs: 2_000,
  sweepMs: 60_000,
});

/** What isn't over by itself in a moment: waits the longest from the start. */
const LASTING = Infinity;
const REFUSED: Readonly<Record<number, string>> = {
  401: 'client authentication refused (401)',
  403: 'the client may not read revocations (403)',
};

/**
 * Follows an issuer's revocations by its feed of server-sent events (docs/revocation.md).
 *
 * - What was revoked is merged, never replaced: nothing that a connection brings, or how it ends, un-revokes anything.
 * - It calls itself complete only as of what the issuer says on a connection where nothing is missing; what can't be
 *   read is taken for missing. While it isn't followed it grows old, and `ageSeconds` says how old.
 * - A lost connection is made anew, to go on where it ended. The first try comes soon; those that follow come at random
 *   within twice the time of the one before.
 *
 * Until it was complete once it keeps its process alive, as somebody waits for it; from then on it doesn't.
 */
export class RevocationFeed extends CopiedRevocations {
  readonly #issuer: string;
  readonly #url: URL;
  readonly #client: FeedClient;
  readonly #tls: CurrentContext | undefined;
  readonly #observer: RevocationObserver | undefined;
  readonly #times: FeedTimes;
  readonly #closing = new AbortController();
  readonly #whenClosed: Promise<void>;
  #started = false;
  #sweeping: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;
  #position: string | undefined;
  #failures = 0;
  /** What the observer was told last. */
  #told: keyof RevocationObserver | undefined;

  /**
   * @param times for this library's own tests
   * @throws TypeError naming the option that is missing or makes no sense
   */
  constructor(options: RevocationFeedOptions, times: Partial<FeedTimes> = {}) {
    const { url, client, observer, tls, ...copy } = resolveFeedOptions(options);
    super(new RevocationCopy(copy));
    this.#issuer = copy.issuer;
    this.#url = url;
    this.#client = client;
    this.#tls = tls;
    this.#observer = observer;
    this.#times = { ...FEED_TIMES, ...times };
    this.#whenClosed = new Promise((resolve) => {
      this.#closing.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Begins to follow. Resolves when the copy is complete for the first time, or when it is closed; never rejects. */
  async start(): Promise<void> {
    if (!this.#started && !this.#closed) {
      this.#started = true;
      this.#sweeping = setInterval(() => this.copy.sweep(), this.#times.sweepMs).unref();
      void this.#follow();
    }
    await Promise.race([this.copy.whenReady, this.#whenClosed]);
  }

  /** Ends the connection. What is known to be revoked stays so; it can't be started again. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#closing.abort();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      const reason = await this.#connection();
      if (this.#closed) return;
      this.#isLost(reason);
      await this.#pause(backOff(this.#failures++, this.#times));
    }
  }

  /**
   * Reads one connection to its end. Never rejects.
   *
   * @returns why it ended
   */
  async #connection(): Promise<string> {
    const reader = new FeedReader({ issuer: this.#issuer, copy: this.copy, resumeFrom: this.#position });
    let liveSince = Infinity;
    try {
      for await (const event of this.#events()) {
        reader.read(event);
        if (!reader.live || liveSince !== Infinity) continue;
        liveSince = performance.now();
        this.#socket?.unref();
        this.#isFollowed();
      }
      return 'the connection was ended';
    } catch (error) {
      const refused = error instanceof UnexpectedStatus ? REFUSED[error.status] : undefined;
      if (refused !== undefined) this.#failures = LASTING;
      return refused ?? reasonOf(error);
    } finally {
      this.#position = reader.position;
      // A server that ends every connection soon is one that fails.
      if (performance.now() - liveSince >= this.#times.maxBackOffMs) this.#failures = 0;
    }
  }

  async *#events() {
    const { id, secret, assertion } = this.#client;
    const form = assertion && (await assertionParameters(id, assertion, this.#times.connectMs));
    yield* eventStream({
      url: this.#url,
      headers: {
        ...(secret !== undefined && { authorization: basicAuthorization(id, secret) }),
        ...(this.#position !== undefined && { 'last-event-id': this.#position }),
      },
      form,
      times: this.#times,
      tls: this.#tls,
      signal: this.#closing.signal,
      onSocket: (socket) => {
        this.#socket = socket;
        if (this.ready) socket.unref();
      },
    });
  }

  #isFollowed(): void {
    if (this.#told === 'followed') return;
    this.#told = 'followed';
    tell(this.#observer, 'followed', { entries: this.stats.entries });
  }

  #isLost(reason: string): void {
    if (this.#told === 'lost') return;
    this.#told = 'lost';
    tell(this.#observer, 'lost', { reason });
  }

  async #pause(ms: number): Promise<void> {
    // Ends early only by close().
    await sleep(ms, undefined, { ref: !this.ready, signal: this.#closing.signal }).catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  const { message, errors = [] } = error as Partial<AggregateError>;
  // Of several addresses that were tried in vain, each has its own.
  return errors.length > 0 ? errors.map(reasonOf).join(', ') : String(message);
}
