import { currentRelayContext, type DecisionTrace, type Principal, type RelayReport } from '@token-relay/jwt-guard';

/** What one service says of a call that reached it, from nothing but the tokens that it verified itself. */
export interface Hop {
  readonly service: string;
  readonly audience: string;
  readonly subject: string;
  /** Who acts for the subject, the one that calls first. */
  readonly actor: readonly string[];
  readonly scopes: readonly string[];
  readonly kid: string;
  readonly alg: string;
  /** RFC 3339, in UTC wherever the service runs. */
  readonly expiresAt: string;
  /** Names the call on every service, in its logs and answers: an unsigned hint. */
  readonly transactionId: string | undefined;
  /** `txn` of the transaction token that the call came with: the same on every service behind the one that had it minted. */
  readonly txn?: string;
  /** How long it took to find out for whom the call is, in milliseconds. */
  readonly verifiedInMs: number | undefined;
  /** How this service has called the next one; absent where it hasn't. */
  readonly relayed?: {
    /** The relay contract that it was called by: its name here, which isn't always the service's own. */
    readonly to: string;
    readonly mode: RelayReport['mode'];
    /** Whether the token for it was at hand. */
    readonly cached: boolean;
    /** How long it took to get that token, in milliseconds. */
    readonly exchangedInMs: number;
    /** How long the next service took to answer, in milliseconds. */
    readonly answeredInMs: number | undefined;
  };
  /** Why its token was accepted, and what is in it: where it was asked for, and `EXPLAIN_CALLS` allows it. */
  readonly trace?: DecisionTrace;
}

/** To be asked when the next service has answered. */
export function hopOf(service: string, principal: Principal): Hop {
  const context = currentRelayContext();
  const last = context?.relayed.at(-1);
  return {
    service,
    audience: principal.audience,
    subject: principal.subject,
    actor: principal.actor,
    scopes: principal.scopes,
    kid: principal.keyId,
    alg: principal.algorithm,
    expiresAt: new Date(principal.expiresAt * 1000).toISOString(),
    transactionId: context?.transactionId,
    ...(principal.transactionId !== undefined && { txn: principal.transactionId }),
    verifiedInMs: rounded(context?.verifiedInMs),
    ...(last && { relayed: relayedOf(last) }),
  };
}

function relayedOf({ destination, mode, cached, exchangedInMs, answeredInMs }: RelayReport): Hop['relayed'] {
  return {
    to: destination,
    mode,
    cached,
    exchangedInMs: rounded(exchangedInMs) ?? 0,
    answeredInMs: rounded(answeredInMs),
  };
}

/** To a hundredth: what is at hand takes some microseconds. */
function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}
