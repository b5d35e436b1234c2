import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type CurrentContext } from '../core/client-tls';
import { isRefusal, type Refusal } from '../core/refusals';
import { TokenVerifier } from '../core/token-verifier';
import { CallState } from '../nest/call-state';
import { LOCALE_HEADER, ownHints, TIMEOUT_HEADER, TRACEPARENT_HEADER } from '../nest/context-hints';
import { activeTraceparent } from '../nest/trace';
import { TRANSACTION_ID_HEADER } from '../nest/transaction-id';
import { ExchangeMode } from './modes/exchange-mode';
import { ForwardMode } from './modes/forward-mode';
import { NoneMode } from './modes/none-mode';
import { TransactionMode } from './modes/transaction-mode';
import { markOwnAccount } from './own-account';
import { currentCall, runInContext } from './relay-context';
import { type Credentials, type CredentialsRequest, type RelayMode } from './relay-mode';
import {
  type DestinationName,
  RELAY_OPTIONS,
  type RelayIssuer,
  type RelayModeName,
  type RelayOptions,
  type ResolvedContract,
  resolveRelayOptions,
} from './relay-options';
import { type RelayObserver, tellGiven, tellNotGiven } from './relay-observer';
import { addReport, type OpenReport } from './relay-report';
import { ServiceTokens } from './service-tokens';
import { remainingMs, TimeLimit } from './time-limit';
import { TokenEndpoint } from './token-endpoint';

/** What a call to a destination carries, by names in lower case. */
export type RelayHeaders = Readonly<Record<string, string>>;

/** What a call is about to carry, and what is going to be told of it. */
export interface Prepared {
  readonly headers: RelayHeaders;
  readonly report: OpenReport;
  readonly observer: RelayObserver | undefined;
}

/** How headers are asked for. */
export interface PrepareOptions extends Partial<CredentialsRequest> {
  /** How long the destination may take, in milliseconds. Default: its contract's. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether nobody waits for an answer: what is sent then says nothing of how long somebody does, and is sent also when
   * the caller of the current call doesn't any more. Default: false.
   */
  readonly isEvent?: boolean;
}

const REFUSED_MS = 1_000;

type Modes = Readonly<Partial<Record<RelayModeName, RelayMode>>>;

/** Whom the current call may be relayed to, and with what. */
@Injectable()
export class TokenRelay<Name extends string = DestinationName> implements OnApplicationShutdown {
  /** What connections to destinations over HTTP are secured with; `undefined` where Node decides. */
  readonly tls: CurrentContext | undefined;
  readonly #contracts: ReadonlyMap<string, ResolvedContract>;
  readonly #endpoint: TokenEndpoint | undefined;
  readonly #modes: Modes;
  readonly #verifier: TokenVerifier | undefined;
  readonly #observer: RelayObserver | undefined;
  /** Callers for whom a destination has refused a new token. */
  readonly #refused = new LRUCache<string, true>({ max: 1_000, ttl: REFUSED_MS });

  constructor(
    @Inject(RELAY_OPTIONS) options: RelayOptions<string>,
    @Optional() @Inject(TokenVerifier) verifier?: TokenVerifier,
  ) {
    const { issuer, tls, contracts } = resolveRelayOptions(options);
    this.tls = tls;
    this.#contracts = contracts;
    this.#verifier = verifier;
    this.#observer = options.observer;
    this.#endpoint = issuer && new TokenEndpoint(issuer, options.observer, tls);
    this.#modes = modesOf(issuer, this.#endpoint, verifier);
  }

  /** @throws TypeError for a destination without a contract */
  contract(destination: Name): ResolvedContract {
    const contract = this.#contracts.get(destination);
    if (!contract) throw new TypeError(`there is no relay contract for the destination "${destination}"`);
    return contract;
  }

  /**
   * The headers for a call to the destination on behalf of the caller of the current call, whom it captures before it
   * returns: for teams with an HTTP client of their own. That client must follow no redirect, which would carry them to
   * wherever it points.
   *
   * Nothing to relay is a refusal, and so is a caller whose token doesn't count any more: it has expired, was revoked,
   * or lost its key since the call began. Nobody is called with a token of a key that is revoked.
   *
   * @throws HttpException as the current call has to answer: `token_missing`, `token_expired`, `token_revoked`,
   *   `exchange_refused`, `insufficient_scope`, `exchange_unavailable`, `relay_impossible`, `deadline_exceeded`, …
   * @throws TypeError for a destination without a contract
   */
  async relayHeaders(destination: Name, options: PrepareOptions = {}): Promise<Record<string, string>> {
    try {
      const { headers } = await inTime(this.prepare(destination, options));
      return { ...headers };
    } catch (error) {
      throw asAnswer(error);
    }
  }

  /**
   * Runs it, and all that comes of it, for this service itself: what is called carries a token of the service's own
   * (`client_credentials`) and no user. For work that nobody has asked for: what a user has, belongs to the user.
   */
  runAsService<Result>(run: () => Result): Result {
    const surrounding = currentCall();
    const rules = {
      verifier: this.#verifier ?? NO_VERIFIER,
      extract: () => undefined,
      refuse: (error: Refusal) => error,
    };
    const call = new CallState(rules, surrounding?.hints ?? ownHints()).continuedIn(surrounding);
    return runInContext(markOwnAccount(call), run);
  }

  /**
   * What a call to the destination has to carry. Of the errors `asAnswer` makes what the current call has to answer.
   *
   * @throws TokenRejected, VerifierUnavailable
   */
  async prepare(destination: Name, options?: PrepareOptions): Promise<Prepared> {
    return this.prepareNow(destination, options);
  }

  /**
   * The same, at once where all of it is at hand.
   *
   * @throws TokenRejected, VerifierUnavailable, also where it returns a promise
   */
  prepareNow(destination: Name, options: PrepareOptions = {}): Prepared | Promise<Prepared> {
    const { renew = false, transaction } = options;
    const contract = this.contract(destination);
    const call = currentCall();
    if (options.isEvent !== true) remainingMs(call);
    const begun = performance.now();
    const failed = (error: unknown): never => {
      tellNotGiven(this.#observer, contract, error, performance.now() - begun);
      throw error;
    };
    let given: Credentials | Promise<Credentials>;
    try {
      given = this.#mode(contract).credentials(call, contract, { renew, transaction });
    } catch (error) {
      return failed(error);
    }
    if (!(given instanceof Promise)) return this.#prepared(call, contract, given, begun, options);
    return given.then((credentials) => this.#prepared(call, contract, credentials, begun, options), failed);
  }

  /** Whether a new token is worth asking for, where the destination has refused one. */
  mayRenew(destination: Name): boolean {
    const { mode } = this.contract(destination);
    return (mode === 'exchange' || mode === 'transaction') && !this.#refused.has(callerAt(destination));
  }

  /** The destination has refused a new token too: for a second the issuer isn't asked for others for this caller. */
  renewalRefused(destination: Name): void {
    this.#refused.set(callerAt(destination), true);
  }

  /** Forgets what was at hand for the current call and this destination, which has refused it. */
  forget(destination: Name): void {
    const contract = this.contract(destination);
    this.#mode(contract).forget(currentCall(), contract);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#endpoint?.close();
  }

  #prepared(
    call: CallState | undefined,
    contract: ResolvedContract,
    { cached, headers: proof }: Credentials,
    begun: number,
    { timeoutMs = contract.timeoutMs, isEvent = false }: PrepareOptions,
  ): Prepared {
    const { name: destination, mode } = contract;
    const exchangedInMs = performance.now() - begun;
    tellGiven(this.#observer, contract, cached, exchangedInMs);
    const report = { destination, mode, cached, exchangedInMs };
    addReport(call, report);
    const headers = headersOf(proof, call);
    if (!isEvent) headers[TIMEOUT_HEADER] = String(toldMs(Math.min(timeoutMs, remainingMs(call))));
    return { headers, report, observer: this.#observer };
  }

  #mode({ mode }: ResolvedContract): RelayMode {
    const found = this.#modes[mode];
    // The options have been checked: every mode that a contract names is there.
    if (!found) throw new TypeError(`the mode ${mode} needs an issuer`);
    return found;
  }
}

/** Whoever made the current call, at a destination: what becomes of one caller says nothing of the others. */
function callerAt(destination: string): string {
  return `${destination}\n${currentCall()?.authenticated?.token.slice(-32) ?? ''}`;
}

/** A refusal as the current call has to answer it; everything else as it is. */
export function asAnswer(error: unknown): unknown {
  const call = currentCall();
  return call && isRefusal(error) ? call.refuse(error) : error;
}

/** Waits for it as long as whoever made the current call does. */
async function inTime<Result>(preparing: Promise<Result>): Promise<Result> {
  const call = currentCall();
  if (call?.deadline === undefined) return preparing;
  preparing.catch(() => undefined);
  const limit = new TimeLimit({ call, timeoutMs: Infinity, stream: undefined, signal: undefined });
  return limit.race(preparing).finally(() => limit.end());
}

function modesOf(
  issuer: RelayIssuer | undefined,
  endpoint: TokenEndpoint | undefined,
  verifier: TokenVerifier | undefined,
): Modes {
  const modes = { none: new NoneMode(), forward: new ForwardMode() };
  if (!issuer || !endpoint) return modes;
  const own = new ServiceTokens(endpoint, verifier);
  const exchange = new ExchangeMode(endpoint, own);
  const { trustDomain } = issuer;
  if (trustDomain === undefined) return { ...modes, exchange };
  return { ...modes, exchange, transaction: new TransactionMode(endpoint, own, trustDomain) };
}

/**
 * What a destination is told of the time that there is: a little less, so that what is late behind it is told by it, which
 * knows what that is, and not found out here.
 */
export function toldMs(ms: number): number {
  return Math.ceil(ms - Math.min(Math.max(50, ms / 20), ms / 4));
}

/** Written out, one by one: this is done for every call, and a spread takes some microseconds. */
function headersOf(proof: Credentials['headers'], call: CallState | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (proof.authorization !== undefined) headers.authorization = proof.authorization;
  if (proof['txn-token'] !== undefined) headers['txn-token'] = proof['txn-token'];
  if (call) {
    headers[TRANSACTION_ID_HEADER] = call.transactionId;
    headers[TRACEPARENT_HEADER] = activeTraceparent() ?? call.traceparent;
    if (call.hints.locale !== undefined) headers[LOCALE_HEADER] = call.hints.locale;
  }
  return headers;
}

const NO_VERIFIER = new Proxy({} as TokenVerifier, {
  get: () => {
    throw new TypeError('this app has no JwtGuardModule, and so nothing that verifies tokens');
  },
});
