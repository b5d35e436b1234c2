/** What a session begins with. Times are in seconds since 1970-01-01T00:00:00Z. */
export interface NewSession {
  /** `sid`; begins with the subject's slot. */
  readonly id: string;
  readonly subject: string;
  /** By what name the user is looked up again. */
  readonly username: string;
  /** Digest of what the user has logged in with: another one ends the session. */
  readonly credential: string;
  /** Who may refresh. */
  readonly clientId: string;
  /** The most that its access tokens may do. */
  readonly scopes: readonly string[];
  /** When the user has logged in. */
  readonly authTime: number;
  /** The `notBefore` of the last time that everything was revoked, as it was known then: a later one ends the session. */
  readonly notBefore: number;
  readonly userAgent?: string | undefined;
  readonly address?: string | undefined;
  /** The subject's epoch if none is recorded for it. */
  readonly defaultEpoch: number;
  /** SHA-256 of the first refresh token's secret. */
  readonly tokenHash: string;
}

export interface SessionCreated {
  /** The epoch of its subject. */
  readonly epoch: number;
  /** When it ends if nobody refreshes it. */
  readonly expiresAt: number;
  /** The ids of those that are to give way to it. */
  readonly surplus: readonly string[];
}

/** A session as it is stored, without what belongs to its tokens. */
export interface Session extends Omit<NewSession, 'defaultEpoch' | 'tokenHash'> {
  /** The epoch of its subject when it began: a higher one has ended it. */
  readonly epoch: number;
  /** How often it was refreshed. */
  readonly generation: number;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** When it ends if nobody refreshes it. */
  readonly expiresAt: number;
}

/** A refresh token that somebody shows. */
export interface PresentedToken {
  readonly sessionId: string;
  /** SHA-256 of its secret. */
  readonly hash: string;
  readonly clientId: string;
  /** The `notBefore` of the last time that everything was revoked. */
  readonly notBefore: number;
  /** Where it comes from now. */
  readonly address?: string | undefined;
}

/** What takes the place of a token that is shown for the first time. */
export interface Successor {
  /** SHA-256 of its secret. */
  readonly hash: string;
  /** The secret, encrypted for whoever has the token before it. */
  readonly sealed: string;
}

/** What became of a token that was shown. */
export type TokenUse =
  /** There is no such session, or it has expired. */
  | { readonly outcome: 'unknown' }
  /** It is another client's. Nothing has changed. */
  | { readonly outcome: 'other_client'; readonly session: Session }
  /** The session's subject has a higher epoch, or everything was revoked since it began. Nothing has changed. */
  | { readonly outcome: 'revoked'; readonly session: Session }
  /** It was replayed before, and whoever was told of it may have failed to end it. */
  | { readonly outcome: 'ended'; readonly session: Session }
  /** It is, or may be for some time, what its session is known by. Only where no successor was brought. */
  | { readonly outcome: 'valid'; readonly session: Session }
  /** The successor has taken its place. */
  | { readonly outcome: 'rotated'; readonly session: Session }
  /** It has a successor, which nobody has shown, or for the first time a moment ago. That is the one to give out. */
  | {
      readonly outcome: 'repeated';
      readonly session: Session;
      readonly sealed: string;
      /**
       * How many generations in a row it is true of that the token came again later than the grace; told once of each, 0
       * otherwise. An answer that gets lost now and then makes it 1.
       */
      readonly lateInARow: number;
    }
  /** Nothing has changed. */
  | { readonly outcome: 'too_often'; readonly session: Session; readonly retryAfterSeconds: number }
  /** It was the session's once, and somebody else goes on with it. The session refuses everything from now on. */
  | { readonly outcome: 'replayed'; readonly session: Session; readonly ancestor: 'recent_parent' | 'older_ancestor' };

/** How long sessions and their tokens last. */
export interface SessionTimes {
  /** Without a refresh. Default: 24 hours. */
  readonly idleSeconds: number;
  /** However often it is refreshed. Default: 7 days. */
  readonly absoluteSeconds: number;
}

export const SESSION_TIMES: SessionTimes = { idleSeconds: 86_400, absoluteSeconds: 7 * 86_400 };

/** How long a token gets its successor after that was shown for the first time. */
export const GRACE_SECONDS = 10;
/** How often a token gets its successor within `REPEATS_WINDOW_SECONDS`. */
export const MAX_REPEATS = 50;
export const REPEATS_WINDOW_SECONDS = 60;
/** How many tokens of a session may have a successor that they still get: what is replaced in `GRACE_SECONDS`. */
export const MAX_ROTATIONS = 1_000;
/** How many sessions a user may have; one more takes the place of the one that would expire first. */
export const MAX_SESSIONS = 1_000;

/**
 * Sessions with their refresh tokens. Each method is one step that nothing comes between, and can be repeated: one that
 * timed out may have been applied all the same.
 *
 * All of them throw `StoreUnavailable` when the store doesn't answer.
 */
export interface SessionStore {
  /**
   * Begins a session, with the epoch that its subject has at that moment. Begun already, it is left as it is.
   */
  create(session: NewSession): Promise<SessionCreated>;
  /** Judges a token, and lets its successor take its place, if one is brought and the token is the session's current one. */
  use(token: PresentedToken, successor?: Successor): Promise<TokenUse>;
  /** Ends a session, if it is there. */
  end(sessionId: string): Promise<void>;
  /** Ends all sessions of a subject that have a lower epoch than this. */
  endBefore(subject: string, epoch: number): Promise<void>;
  /** A subject's sessions that haven't ended, most recently used first. */
  list(subject: string, notBefore: number): Promise<readonly Session[]>;
  /**
   * Raises the epoch of a session's subject to this or a higher one, and with it that of the session, which lives on alone. Such
   * an epoch is odd: what has to end that session too goes beyond it.
   *
   * @returns the epoch; undefined, and nothing has changed, when that one has ended
   */
  raiseEpochBut(sessionId: string, epoch: number): Promise<number | undefined>;
}
