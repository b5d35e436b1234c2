import { AccessToken } from './access-token.js';
import { BackOff } from './back-off.js';
import { BackgroundTimer, type Clock, Stopwatch } from './clock.js';
import { clientClosed, SessionError, sessionChanged, sessionEnded } from './session-error.js';
import { type Credentials, type SessionTransport } from './session-transport.js';
import { type Heard } from './tab-message.js';
import { type Tabs } from './tabs.js';
import { TokenSlot, type TokenSlotSettings } from './token-slot.js';

/** `unknown`: nobody has asked the server yet. */
export type SessionState = 'unknown' | 'active' | 'ended';

export interface SessionChange {
  readonly state: SessionState;
  /**
   * - `login`: somebody has logged in, here or in another tab; whoever it was before is it no more
   * - `resumed`: there was a session already
   * - `logout`: by the user, here or in another tab
   * - `session_ended`: by the server
   * - `page_restored`: from the browser's back/forward cache; what was known then may have changed
   */
  readonly reason: 'login' | 'resumed' | 'logout' | 'session_ended' | 'page_restored';
}

export interface SessionSettings extends TokenSlotSettings {
  readonly requestTimeoutMs: number;
  readonly tabAnswerMs: number;
  readonly tabLockWaitMs: number;
}

/** Not handed out any more while another may be had: it could expire on its way. */
const LAST_MS = 5_000;
/** Until a refresh that nobody waits for is tried again. */
const AGAIN_MS = 1_000;

interface Flight {
  readonly done: Promise<void>;
  /** A token has come from another tab. */
  readonly needless: AbortController;
  readonly cancel: AbortController;
}

/**
 * The access token of one session: in memory, asked for once however many want it, in this tab or in others. The
 * refresh token is the transport's.
 */
export class Session {
  readonly #transport: SessionTransport;
  readonly #tabs: Tabs;
  readonly #clock: Clock;
  readonly #settings: SessionSettings;
  readonly #slot: TokenSlot;
  readonly #backOff: BackOff;
  /** Runs while the token is in use, until it is to be replaced. */
  readonly #ahead: BackgroundTimer;
  readonly #listeners = new Set<(change: SessionChange) => void>();
  readonly #logins = new Set<AbortController>();

  #state: SessionState = 'unknown';
  /** Since the session ended, if it has. */
  #ended: Stopwatch | undefined;
  /** Counts logins and endings: whatever began under another number is over. */
  #generation = 0;
  #flight: Flight | undefined;
  #closed = false;

  constructor(transport: SessionTransport, tabs: Tabs, clock: Clock, random: () => number, settings: SessionSettings) {
    this.#transport = transport;
    this.#tabs = tabs;
    this.#clock = clock;
    this.#settings = settings;
    this.#slot = new TokenSlot(settings, random);
    this.#backOff = new BackOff(clock, random);
    this.#ahead = new BackgroundTimer(clock, () => this.#refreshAhead());
    tabs.listen((heard) => this.#hear(heard));
  }

  get state(): SessionState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * Whoever began under this number must not go on in the name of another.
   *
   * @throws SessionError `session_ended` or `session_changed`
   */
  assertStill(generation: number): void {
    if (generation !== this.#generation) throw this.#state === 'ended' ? sessionEnded() : sessionChanged();
  }

  subscribe(listener: (change: SessionChange) => void): () => void {
    // One that subscribes twice is told twice.
    const own = (change: SessionChange): void => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** @throws SessionError */
  async login(credentials: Credentials): Promise<void> {
    this.#assertOpen();
    const cancel = new AbortController();
    this.#logins.add(cancel);
    try {
      // Not beside a refresh: whichever answer came last would decide whose cookie stays.
      await this.#tabs.exclusively(
        async () => {
          cancel.signal.throwIfAborted();
          const since = new Stopwatch(this.#clock);
          const { accessToken, lifeMs } = await this.#transport.login(credentials, cancel.signal);
          cancel.signal.throwIfAborted();
          // What was asked for while the login took its time is older than what came of it, whoever's it is.
          const token = new AccessToken(accessToken, lifeMs - since.elapsedMs(), new Stopwatch(this.#clock));
          this.#begin(token);
          this.#tellToken(token, 'login');
        },
        this.#settings.requestTimeoutMs + this.#settings.tabLockWaitMs,
        cancel.signal,
      );
    } finally {
      this.#logins.delete(cancel);
    }
  }

  /**
   * A token that is good now.
   *
   * @throws SessionError `session_ended`, or why there is none at the moment
   */
  async accessToken(): Promise<string> {
    // The second time is for a tab that fell asleep in the first.
    for (let attempt = 0; attempt < 2; attempt++) {
      this.#assertOpen();
      if (this.#state === 'ended') throw sessionEnded();
      const token = this.#slot.present;
      if (token && token.leftMs() > Math.min(LAST_MS, token.lifeMs / 10)) {
        if (this.#slot.untilDueMs(token) <= 0) this.#refreshBehind();
        return this.#handOut(token);
      }
      try {
        await this.#refresh();
      } catch (error) {
        const { temporary = false } = error instanceof SessionError ? error : {};
        if (temporary && token && token === this.#slot.present) return this.#handOut(token);
        throw error;
      }
    }
    const token = this.#slot.present;
    if (!token) throw new SessionError('unexpected_answer', 'The server gives tokens that have expired.');
    return this.#handOut(token);
  }

  /**
   * The API has refused a token.
   *
   * @returns whether another is worth a try
   */
  refuse(value: string): boolean {
    return this.#slot.refuse(value);
  }

  /** The API is going to refuse the token: the next call refreshes. */
  distrust(): void {
    this.#slot.distrust();
  }

  /**
   * Forgets the token in all tabs at once, and then ends the session at the server.
   *
   * @param end how
   * @throws SessionError when the server doesn't know of it yet
   */
  async logout(end = (signal: AbortSignal) => this.#transport.logout(signal)): Promise<void> {
    this.#assertOpen();
    this.#end('logout', new Stopwatch(this.#clock));
    this.#tabs.tell({ type: 'logout' });
    const { signal } = new AbortController();
    // After whatever is under way, whose cookie would come back otherwise.
    await this.#tabs.exclusively(() => end(signal), this.#settings.tabLockWaitMs, signal);
  }

  /** The page is seen again, or the device has woken up: timers may be late. */
  wake(): void {
    if (this.#ahead.running) this.#refreshAhead();
  }

  /** The network is back. */
  online(): void {
    this.#backOff.networkIsBack();
    this.wake();
  }

  /** The page comes from the browser's cache, where it has heard nothing. */
  restored(): void {
    if (this.#closed) return;
    this.#renew(sessionChanged());
    this.#become('unknown', 'page_restored');
  }

  close(): void {
    if (this.#closed) return;
    this.#renew(clientClosed());
    this.#cancelLogins(clientClosed());
    this.#closed = true;
    this.#listeners.clear();
    this.#tabs.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw clientClosed();
  }

  #handOut(token: AccessToken): string {
    // Whoever uses a token will use the next: it is refreshed ahead of time. One that nobody uses is left to expire.
    this.#ahead.start(this.#slot.untilDueMs(token));
    return token.value;
  }

  #refreshAhead(): void {
    this.#ahead.stop();
    const token = this.#slot.present;
    if (!token) return;
    // Timers are late in tabs that sleep, and early where they can't count so far.
    const waitMs = Math.max(this.#slot.untilDueMs(token), this.#backOff.leftMs);
    if (waitMs > 0) this.#ahead.start(waitMs);
    else this.#refreshBehind();
  }

  /** Nobody waits for it. If it fails, there is another try as long as the token lives. */
  #refreshBehind(): void {
    if (this.#backOff.leftMs > 0) return;
    this.#refresh().catch(() => {
      if (this.#slot.present) this.#ahead.start(Math.max(AGAIN_MS, this.#backOff.leftMs));
    });
  }

  #refresh(): Promise<void> {
    this.#flight ??= this.#begun();
    return this.#flight.done;
  }

  #begun(): Flight {
    const needless = new AbortController();
    const cancel = new AbortController();
    const work = (): Promise<void> => this.#refreshOnce(needless.signal, cancel.signal);
    const done = this.#tabs.exclusively(work, this.#settings.tabLockWaitMs, needless.signal).finally(() => {
      if (this.#flight === flight) this.#flight = undefined;
    });
    const flight: Flight = { done, needless, cancel };
    // It may be cancelled when nobody waits for it.
    done.catch(() => undefined);
    return flight;
  }

  async #refreshOnce(needless: AbortSignal, cancelled: AbortSignal): Promise<void> {
    cancelled.throwIfAborted();
    await this.#askTabs(needless);
    cancelled.throwIfAborted();
    if (this.#slot.fresh) return;
    this.#backOff.check();
    const afterRefusal = this.#slot.refused;
    const since = new Stopwatch(this.#clock);
    try {
      const { accessToken, lifeMs } = await this.#transport.refresh(cancelled);
      cancelled.throwIfAborted();
      this.#refreshed(new AccessToken(accessToken, lifeMs, since, afterRefusal));
    } catch (error) {
      cancelled.throwIfAborted();
      // Another tab has had a better answer.
      if (this.#slot.fresh && this.#slot.isSince(since)) return;
      this.#failed(error, since);
      throw error;
    }
  }

  /** One of them may have a token, or be about to say so: it may hand on the lock before we hear it. */
  async #askTabs(needless: AbortSignal): Promise<void> {
    if (!this.#tabs.connected || needless.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(resolve, this.#settings.tabAnswerMs);
      needless.addEventListener('abort', () => {
        this.#clock.clearTimeout(timer);
        resolve();
      });
      this.#tabs.tell({ type: 'ask' });
    });
  }

  #refreshed(token: AccessToken): void {
    const { present } = this.#slot;
    // Another tab was quicker, while this one slept.
    if (present && present.ageMs() < token.ageMs()) return;
    this.#resume(token);
    this.#tellToken(token, 'refresh');
  }

  /** @param since when the server was asked */
  #failed(error: unknown, since: Stopwatch): void {
    const { code = 'unexpected_answer', retryAfterSeconds } = error instanceof SessionError ? error : {};
    if (code === 'session_ended') {
      this.#end(code, since);
      this.#tabs.tell({ type: 'ended', ageMs: since.elapsedMs() });
    } else {
      const milliseconds = this.#backOff.failed(code, retryAfterSeconds);
      if (milliseconds > 0) this.#tabs.tell({ type: 'wait', code, milliseconds });
    }
  }

  #hear({ message, delayMs }: Heard): void {
    const { fresh } = this.#slot;
    switch (message.type) {
      case 'ask':
        if (fresh) this.#tellToken(fresh, 'refresh');
        return;
      case 'wait':
        if (message.milliseconds > Math.max(delayMs, this.#backOff.leftMs)) {
          this.#backOff.wait(message.code, message.milliseconds - delayMs);
        }
        return;
      case 'logout':
        return this.#end('logout', new Stopwatch(this.#clock, delayMs));
      case 'ended':
        return this.#hearEnd(new Stopwatch(this.#clock, delayMs + message.ageMs));
      case 'token': {
        const { by, value, lifeMs, ageMs, afterRefusal } = message;
        const token = new AccessToken(value, lifeMs, new Stopwatch(this.#clock, delayMs + ageMs), afterRefusal);
        return by === 'login' ? this.#hearLogin(token) : this.#hearRefresh(token);
      }
    }
  }

  #hearLogin(token: AccessToken): void {
    // From before this session ended, or before it began.
    if (this.#ended && this.#ended.elapsedMs() < token.ageMs()) return;
    if (!this.#slot.wants(token)) return;
    // Whoever has asked before they knew who it is takes whoever it is.
    if (this.#state === 'unknown') this.#resume(token, 'login');
    else this.#begin(token);
  }

  #hearRefresh(token: AccessToken): void {
    // It may have been under way when the session ended: only a login begins another.
    if (this.#state !== 'ended' && this.#slot.wants(token)) this.#resume(token);
  }

  /** @param since when the server was asked by the tab that tells it */
  #hearEnd(since: Stopwatch): void {
    // Whoever has got a token since then knows better.
    if (this.#state !== 'ended' && !this.#slot.isSince(since)) this.#end('session_ended', since);
  }

  #resume(token: AccessToken, reason: 'resumed' | 'login' = 'resumed'): void {
    this.#backOff.over();
    this.#take(token);
    this.#become('active', reason);
  }

  /** Somebody has logged in. */
  #begin(token: AccessToken): void {
    this.#renew(sessionChanged());
    this.#take(token);
    this.#become('active', 'login');
  }

  #end(reason: 'logout' | 'session_ended', since: Stopwatch): void {
    if (reason === 'logout') this.#cancelLogins(sessionEnded());
    this.#renew(sessionEnded());
    this.#ended = since;
    this.#become('ended', reason);
  }

  /** Forgets everything about the session so far; what is under way for it ends with this error. */
  #renew(error: SessionError): void {
    this.#generation++;
    this.#ended = undefined;
    this.#slot.forget();
    this.#ahead.stop();
    this.#backOff.over();
    const flight = this.#flight;
    this.#flight = undefined;
    flight?.cancel.abort(error);
    flight?.needless.abort();
  }

  #take(token: AccessToken): void {
    this.#slot.take(token);
    this.#ahead.stop();
    if (this.#slot.fresh) this.#flight?.needless.abort();
  }

  #tellToken(token: AccessToken, by: 'login' | 'refresh'): void {
    const { value, lifeMs, afterRefusal } = token;
    this.#tabs.tell({ type: 'token', by, value, lifeMs, ageMs: token.ageMs(), afterRefusal });
  }

  #become(state: SessionState, reason: SessionChange['reason']): void {
    const changed = this.#state !== state || reason === 'login';
    this.#state = state;
    if (!changed) return;
    for (const listener of this.#listeners) {
      try {
        listener({ state, reason });
      } catch (error) {
        // As event targets do: it is the page's error, and none of the others'.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #cancelLogins(error: SessionError): void {
    for (const login of this.#logins) login.abort(error);
  }
}
