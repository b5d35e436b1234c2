import { type RevocationSource } from '../../core/check-revocation';
import { type TokenVerifier } from '../../core/token-verifier';
import { connectionOf } from './socket-connection';
import { SocketSession } from './socket-session';

const SWEEP_MS = 1_000;
/** A thousand revocations in a row are two looks: one for the first, one for all the others. */
const PAUSE_MS = 10;

interface Emitter {
  once?(event: string, listener: () => void): unknown;
}

/** The sockets of an app that are open, and what ends them when their tokens do. */
export class SocketSessions {
  readonly #byClient = new WeakMap<object, SocketSession>();
  readonly #open = new Set<SocketSession>();
  #timer: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #changedInPause = false;
  readonly #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly verifier: TokenVerifier,
    /** The verifier's clock: seconds since 1970-01-01T00:00:00Z. */
    private readonly now: () => number,
    revocation: RevocationSource | undefined,
  ) {
    this.#unsubscribe = revocation?.subscribe?.(() => this.#changed());
  }

  of(client: object): SocketSession | undefined {
    return this.#byClient.get(client);
  }

  open(client: object): SocketSession {
    const session = new SocketSession(connectionOf(client), this.verifier);
    this.#byClient.set(client, session);
    this.#open.add(session);
    const gone = (): void => {
      session.forget();
      this.#open.delete(session);
      if (this.#open.size === 0) this.#stop();
    };
    // `close` of ws, `disconnect` of Socket.IO.
    for (const event of ['close', 'disconnect']) (client as Emitter).once?.(event, gone);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return session;
  }

  close(): void {
    this.#unsubscribe?.();
    clearTimeout(this.#pause);
    this.#stop();
  }

  #changed(): void {
    this.#changedInPause = this.#pause !== undefined;
    if (this.#changedInPause) return;
    this.#sweep();
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (this.#changedInPause) this.#changed();
    }, PAUSE_MS).unref();
  }

  #sweep(): void {
    const now = this.now();
    for (const session of this.#open) session.endIfOver(now);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
