import { authorizedFetch } from './authorized-fetch.js';
import { type Common } from './options.js';
import { type Session, type SessionChange, type SessionState } from './session.js';
import { type Fetch } from './session-http.js';
import { SessionError } from './session-error.js';
import { type Credentials } from './session-transport.js';

/** What both kinds of client do. Its functions need no `this`: they can be handed on. */
export interface SessionClient {
  readonly state: SessionState;
  /**
   * Begins a session, in all tabs, in place of the one that there may be.
   *
   * @throws SessionError `invalid_credentials`, `too_many_attempts`, `login_busy`, …
   */
  readonly login: (credentials: Credentials) => Promise<void>;
  /**
   * Whether there is a session already.
   *
   * @throws SessionError if that can't be found out now
   */
  readonly resume: () => Promise<boolean>;
  /**
   * `fetch` with the access token, to the origin of `baseUrl` alone; addresses may be relative to `baseUrl`. An answer
   * that refuses the token is followed by one refresh and one repetition, if the body isn't a stream. Redirects aren't
   * followed.
   *
   * @throws SessionError `session_ended`; `session_changed`; `token_not_for_origin`; a temporary one if there is no token
   * at the moment. Everything that `fetch` throws.
   */
  readonly fetch: Fetch;
  /**
   * For what isn't `fetch`, such as a WebSocket. It is good for some seconds at least: ask again for each use.
   *
   * @throws SessionError `session_ended`; a temporary one if there is none at the moment
   */
  readonly accessToken: () => Promise<string>;
  /**
   * Forgets the session at once, in all tabs, and ends it at the server.
   *
   * @throws SessionError if the server couldn't be told: call it again
   */
  readonly logout: () => Promise<void>;
  /** @returns what ends it. The listener is called for changes to come, once for each. */
  readonly subscribe: (listener: (change: SessionChange) => void) => () => void;
  /** Forgets the token in this tab, and leaves the session as it is. */
  readonly close: () => void;
}

export function sessionClient(session: Session, common: Common, onClose = (): void => undefined): SessionClient {
  return {
    get state() {
      return session.state;
    },
    login: (credentials) => session.login(credentials),
    resume: () =>
      session.accessToken().then(
        () => true,
        (error: unknown) => {
          if (error instanceof SessionError && error.code === 'session_ended') return false;
          throw error;
        },
      ),
    fetch: authorizedFetch(session, common),
    accessToken: () => session.accessToken(),
    logout: () => session.logout(),
    subscribe: (listener) => session.subscribe(listener),
    close: () => {
      onClose();
      session.close();
    },
  };
}
