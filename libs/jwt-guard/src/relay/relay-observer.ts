import { tell } from '../core/observer';
import { type Code, isRefusal, type Refusal } from '../core/refusals';
import { type RelayModeName, type ResolvedContract } from './relay-options';
import { type RelayReport } from './relay-report';
import { TOKEN_EXCHANGE_GRANT, TRANSACTION_TOKEN_TYPE } from './token-types';

/** What a call was about to carry: a token that was at hand or had to be fetched, or the reason that there was none. */
export interface RelayCredentialsEvent {
  /** Name of the relay contract. */
  readonly destination: string;
  readonly mode: RelayModeName;
  /**
   * `cached`: all of it was at hand; so it always is in the modes `forward` and `none`. `fetched`: at least one token was
   * asked of the issuer, or of whoever asked for the same a moment before. `refused`: the caller may not, or doesn't
   * count any more. `unavailable`: it could not be had.
   */
  readonly outcome: 'cached' | 'fetched' | 'refused' | 'unavailable';
  /** Why there is nothing to carry. */
  readonly code?: Code;
  readonly durationSeconds: number;
}

/** One request to the issuer's token endpoint: many calls may wait for the same. */
export interface RelayGrantEvent {
  /** What was asked for: `transaction` is a token exchange too, for a transaction token. */
  readonly grant: 'token_exchange' | 'transaction' | 'client_credentials';
  /** Whom the token is for: the `audience` of a contract, or the trust domain. */
  readonly audience: string;
  readonly outcome: 'granted' | 'refused' | 'unavailable';
  /** Why it was not granted. */
  readonly code?: Code;
  readonly durationSeconds: number;
}

/** One call to a destination, up to its answer, or the first of its answers; of an event, until it was sent. */
export interface RelayCallEvent {
  /** Name of the relay contract. */
  readonly destination: string;
  readonly mode: RelayModeName;
  /**
   * `answered`: whatever the answer says. `failed`: there was none. `abandoned`: nobody waited for it any more.
   */
  readonly outcome: 'answered' | 'failed' | 'abandoned';
  /** HTTP status of the answer; over RPC that of an error, and absent where there was none. */
  readonly status?: number;
  /** Why there was no answer. */
  readonly code?: Code;
  /** Without the time that it took to get what the call carried. */
  readonly durationSeconds: number;
}

/**
 * Told what the relay does: for metrics, and for the log. Its methods are called on the way of every call and must return
 * quickly; what they throw is reported as a process warning and changes nothing. Of the events none holds a token, or
 * anything of one; destinations and audiences are those of the contracts.
 */
export interface RelayObserver {
  /** It is known what a call is going to carry, or that there is nothing. */
  credentials?(event: RelayCredentialsEvent): void;
  /** The issuer was asked for a token. */
  granted?(event: RelayGrantEvent): void;
  /** A destination was called. A call that it has refused the token of, and that got a new one, is told of twice. */
  called?(event: RelayCallEvent): void;
}

interface Called {
  readonly report: Pick<RelayReport, 'destination' | 'mode'>;
  readonly observer: RelayObserver | undefined;
}

type Asked = Pick<ResolvedContract, 'name' | 'mode'>;

/** @param ms how long it took */
export function tellCalled(
  { report: { destination, mode }, observer }: Called,
  ms: number,
  end: Pick<RelayCallEvent, 'outcome' | 'status' | 'code'>,
): void {
  if (!observer?.called) return;
  const durationSeconds = ms / 1000;
  const { outcome, status } = end;
  // Written out: this is done for every call, and a spread takes longer than the rest.
  if (status !== undefined) tell(observer, 'called', { destination, mode, outcome, status, durationSeconds });
  else tell(observer, 'called', { destination, mode, ...end, durationSeconds });
}

/** What a call is going to carry was had. */
export function tellGiven(
  observer: RelayObserver | undefined,
  { name: destination, mode }: Asked,
  cached: boolean,
  ms: number,
): void {
  if (!observer?.credentials) return;
  const outcome = cached ? 'cached' : 'fetched';
  tell(observer, 'credentials', { destination, mode, outcome, durationSeconds: ms / 1000 });
}

/** It was not. */
export function tellNotGiven(
  observer: RelayObserver | undefined,
  { name: destination, mode }: Asked,
  error: unknown,
  ms: number,
): void {
  if (!observer?.credentials || !isRefusal(error)) return;
  tell(observer, 'credentials', { destination, mode, ...notGiven(error), durationSeconds: ms / 1000 });
}

/** Waits for what the issuer is asked for, and tells what came of it. */
export async function observedGrant<Result>(
  observer: RelayObserver | undefined,
  form: Readonly<Record<string, string>>,
  ask: () => Promise<Result>,
): Promise<Result> {
  if (!observer?.granted) return ask();
  const begun = performance.now();
  const told = (end: Pick<RelayGrantEvent, 'outcome' | 'code'>): void => {
    const { audience = '' } = form;
    tell(observer, 'granted', { grant: grantOf(form), audience, ...end, durationSeconds: secondsSince(begun) });
  };
  try {
    const granted = await ask();
    told({ outcome: 'granted' });
    return granted;
  } catch (error) {
    if (isRefusal(error)) told(notGiven(error));
    throw error;
  }
}

function notGiven({ name, code }: Refusal): { readonly outcome: 'refused' | 'unavailable'; readonly code: Code } {
  return { outcome: name === 'TokenRejected' ? 'refused' : 'unavailable', code };
}

function grantOf(form: Readonly<Record<string, string>>): RelayGrantEvent['grant'] {
  if (form.requested_token_type === TRANSACTION_TOKEN_TYPE) return 'transaction';
  return form.grant_type === TOKEN_EXCHANGE_GRANT ? 'token_exchange' : 'client_credentials';
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
