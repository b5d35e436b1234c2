import { CookieTransport, type UserSession } from './cookie-transport.js';
import { type Locks } from './local-locks.js';
import { asFolder, type CommonOptions, resolveCommon, secureUrl } from './options.js';
import { watchPage } from './page-events.js';
import { Session } from './session.js';
import { type SessionClient, sessionClient } from './session-client.js';
import { SessionError } from './session-error.js';
import { SessionHttp } from './session-http.js';
import { type Channel, Tabs } from './tabs.js';

export interface SessionClientOptions extends CommonOptions {
  /** Where the gateway is: the page's own origin by default, and in a browser that has to be its origin. */
  readonly baseUrl?: string;
  /** For how long a tab waits for another's token before it refreshes: 100 by default. */
  readonly tabAnswerMs?: number;
  /** For how long it waits for another tab that refreshes, which may be frozen: 3,000 by default. */
  readonly tabLockWaitMs?: number;
  /** `navigator.locks` by default; null for none. */
  readonly locks?: Locks | null;
  /** `BroadcastChannel` by default; null for none. */
  readonly createChannel?: ((name: string) => Channel) | null;
}

/** The client of a page: its refresh token is in a cookie that it can't read, and all tabs of the origin share one session. */
export interface BrowserSessionClient extends SessionClient {
  /**
   * Ends all of the user's sessions, on every device.
   *
   * @param options `exceptThis` leaves this one
   * @throws SessionError
   */
  readonly logoutEverywhere: (options?: { readonly exceptThis?: boolean }) => Promise<void>;
  /**
   * The user's sessions, most recently used first.
   *
   * @throws SessionError
   */
  readonly sessions: () => Promise<UserSession[]>;
  /**
   * Ends another session of the user; for this one there is `logout`.
   *
   * @throws SessionError `session_not_found`
   */
  readonly endSession: (id: string) => Promise<void>;
}

/** @throws TypeError that names the option which is wrong */
export function createSessionClient(options: SessionClientOptions = {}): BrowserSessionClient {
  const page = pageOrigin();
  const baseUrl = asFolder(secureUrl('baseUrl', options.baseUrl ?? page ?? '', options, page));
  if (page !== undefined && baseUrl.origin !== page) {
    throw new TypeError('baseUrl has to be of the origin of the page: the cookie of the session is sent nowhere else.');
  }
  const common = resolveCommon(baseUrl, options, options);
  const { fetch, clock, random, settings } = common;
  const name = `token-relay session ${baseUrl.href}`;
  const tabs = new Tabs({ name, clock, locks: locksOf(options, page), channel: channelOf(options, page, name) });
  const transport = new CookieTransport(new SessionHttp(fetch, clock, settings.requestTimeoutMs), baseUrl);
  const session = new Session(transport, tabs, clock, random, settings);
  const leavePage = watchPage({
    wake: () => session.wake(),
    restored: () => session.restored(),
    online: () => session.online(),
  });

  /** Whether the session has ended is for a refresh to say: another tab may just have replaced the cookie. */
  const asked = async <T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const { signal } = new AbortController();
    const { generation } = session;
    await session.accessToken();
    session.assertStill(generation);
    try {
      return await call(signal);
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== 'session_ended') throw error;
      session.distrust();
      await session.accessToken();
      // Not in the name of whoever has logged in meanwhile.
      session.assertStill(generation);
      return call(signal);
    }
  };

  return Object.assign(sessionClient(session, common, leavePage), {
    sessions: () => asked((signal) => transport.sessions(signal)),
    endSession: (id: string) => asked((signal) => transport.endSession(id, signal)),
    logoutEverywhere: async ({ exceptThis = false }: { readonly exceptThis?: boolean } = {}) => {
      if (!exceptThis) return session.logout((signal) => transport.endAll(signal));
      await asked((signal) => transport.endOthers(signal));
      // The access tokens of this one are refused too.
      session.distrust();
      await session.accessToken().catch(() => undefined);
    },
  });
}

/** Undefined where there is no page, as in Node. */
function pageOrigin(): string | undefined {
  return (globalThis as { location?: Location }).location?.origin;
}

/** In Node there are locks and channels as well, which all users of a server would share: none unless they are given. */
function locksOf({ locks }: SessionClientOptions, page: string | undefined): Locks | undefined {
  if (locks !== undefined) return locks ?? undefined;
  const { navigator } = globalThis as { navigator?: { readonly locks?: Locks } };
  return page === undefined ? undefined : navigator?.locks;
}

function channelOf({ createChannel }: SessionClientOptions, page: string | undefined, name: string) {
  if (createChannel !== undefined) return createChannel?.(name);
  if (page === undefined || typeof BroadcastChannel === 'undefined') return undefined;
  return new BroadcastChannel(name);
}
