/**
 * The JSON that the gateway answers the console with, as far as the console reads it. Copies of the services’ types:
 * a page imports nothing of a server.
 */

export type Members = Readonly<Record<string, unknown>>;

export type RelayMode = 'exchange' | 'transaction' | 'forward';

/** GET /console/api/settings */
export interface Settings {
  readonly demo: boolean;
  /** Whether this browser has something to resume a session with; whether that is still good it doesn't say. */
  readonly session: boolean;
  readonly modes: readonly RelayMode[];
  readonly services: readonly { readonly name: string; readonly does: string }[];
}

/** GET /demo/accounts, on the machine that made them. */
export interface DemoAccount {
  readonly username: string;
  readonly password: string;
  readonly scopes: readonly string[];
}

/** RFC 9457, with a stable `code`. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly transactionId?: string;
  /** The service that it failed at, by the name that its caller has for it. */
  readonly hop?: string;
  /** Of `validation_failed`. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export type CheckOutcome = 'passed' | 'failed' | 'skipped';

export interface CheckTrace {
  readonly check: string;
  readonly outcome: CheckOutcome;
  readonly code?: string;
  readonly expected: string;
  readonly actual: string;
}

export interface StageTrace {
  readonly stage: string;
  readonly outcome: CheckOutcome;
  readonly code?: string;
  readonly expected?: string;
  readonly actual?: string;
  /** How long the stage took, in milliseconds. */
  readonly ms?: number;
  readonly checks: readonly CheckTrace[];
}

/** POST /console/api/inspect, and of each hop that explains itself. */
export interface DecisionTrace {
  readonly outcome: 'accepted' | 'rejected' | 'undecided';
  readonly code?: string;
  readonly reason?: string;
  readonly status?: number;
  readonly stages: readonly StageTrace[];
  readonly hints: readonly string[];
  readonly token: {
    readonly redacted: string;
    readonly bytes: number;
    readonly verified: boolean;
    readonly header?: Members;
    readonly claims?: Members;
  };
  readonly times?: {
    readonly now: string;
    readonly age?: string;
    readonly remainingSeconds?: number;
    readonly remaining?: string;
  };
  readonly key?: { readonly kid: string; readonly source?: string };
}

/** A token as a service saw it, without its signature. */
export type TokenView = DecisionTrace['token'];

/** What one service says of the call that reached it. */
export interface RelayHop {
  readonly service: string;
  readonly audience: string;
  readonly subject: string;
  readonly actor: readonly string[];
  readonly scopes: readonly string[];
  readonly kid: string;
  readonly alg: string;
  readonly expiresAt: string;
  readonly transactionId?: string;
  readonly txn?: string;
  readonly verifiedInMs?: number;
  readonly relayed?: {
    readonly to: string;
    readonly mode: string;
    readonly cached: boolean;
    readonly exchangedInMs: number;
    readonly answeredInMs?: number;
  };
  /** Only where the service explains its calls. */
  readonly received?: TokenView;
  readonly trace?: DecisionTrace;
}

/** GET /console/api/relay?mode= */
export interface RelayResult {
  readonly mode: RelayMode;
  readonly transactionId?: string;
  readonly traceId?: string;
  readonly hops: readonly RelayHop[];
  /** What a service behind the gateway refused the call with; the hops before it are there all the same. */
  readonly refusal?: Problem & { readonly why?: string };
}

export type KeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'compromised';

export interface RingKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: KeyState;
  readonly publishedAt: string;
  readonly activatedAt?: string;
  readonly deactivatedAt?: string;
  readonly removedAt?: string;
}

/** GET /admin/keys, and the answer of each change. */
export interface Ring {
  readonly version: number;
  readonly keys: readonly RingKey[];
  readonly rotation?: { readonly kid: string; readonly dueAt: string };
  readonly history: readonly {
    readonly at: string;
    readonly what: string;
    readonly kid?: string;
    readonly by: string;
    readonly reason?: string;
  }[];
}

/** GET /console/api/attacks, in the demo. */
export interface AttackList {
  readonly attacks: readonly { readonly name: string; readonly title: string; readonly explanation: string }[];
}

/** POST /console/api/attacks/:name */
export interface AttackResult {
  readonly title: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly response: { readonly status: number; readonly code?: string; readonly detail?: string };
  readonly why: string;
  readonly wasRefused: boolean;
}

/** GET /console/api/events: the data of each event, by its name. */
export interface ConsoleEvents {
  readonly verified: {
    readonly service: string;
    readonly code?: string;
    readonly cached?: boolean;
    readonly ms?: number;
  };
  readonly exchange: {
    readonly destination: string;
    readonly mode: string;
    readonly outcome: string;
    readonly ms?: number;
  };
  readonly called: { readonly destination: string; readonly outcome?: string; readonly ms?: number };
  /** The keys that the gateway takes now. */
  readonly keys: { readonly service: string; readonly kids: readonly string[] };
  readonly revoked: {
    readonly kind: string;
    /** The first eight characters. */
    readonly id: string;
    /** Milliseconds after the first that has heard; grows by further events of the same kind and id. */
    readonly heard: Readonly<Record<string, number>>;
  };
  /** What this page was too slow for. */
  readonly missed: { readonly events: number };
}

export type ConsoleEventName = keyof ConsoleEvents;

export type ConsoleEvent = {
  readonly [Name in ConsoleEventName]: { readonly name: Name; readonly data: ConsoleEvents[Name] };
}[ConsoleEventName];
