import { type Context } from '@opentelemetry/api';
import { type Principal } from '../core/principal';
import { type Refusal } from '../core/refusals';
import { type TokenVerifier } from '../core/token-verifier';
import { type RelayContext } from '../relay/relay-context';
import { type OpenReport } from '../relay/relay-report';
import { type ContextHints, newTraceparent, ownHints } from './context-hints';
import { type RpcRefusal } from './problem';
import { noteRefusal, traceparentIn } from './trace';

/** How the calls of one transport carry their token, and how they are refused. */
export interface CallRules {
  readonly verifier: TokenVerifier;
  /**
   * Finds the token of the call; `undefined` or an empty text where there is none.
   *
   * @throws TokenRejected for two of them, and for one that is badly sent
   */
  readonly extract: (call: object) => string | null | undefined;
  /** Every transaction token that the call came with. Absent where none count: at the edge, they are the clients' to say. */
  readonly transactionTokens?: () => readonly string[];
  /**
   * Makes what has to be thrown for a refusal on this kind of call, and first puts on the answer what it says
   * to the client besides: no filter can lose it then.
   */
  readonly refuse: (refusal: Refusal, transactionId: string) => Error;
  /**
   * Makes what has to be thrown for the refusal of a service that was called for this call. Absent where that is an
   * `HttpException`.
   */
  readonly refuseAs?: (refusal: RpcRefusal) => Error;
  /** What has to be done besides when the guard refuses the call. */
  readonly refused?: (refusal: Refusal) => void;
}

/**
 * What belongs to one call – a request, a message – from its first moment on: where its token is, whose
 * verifier judges it, and, once the guard has let it in, for whom it is made.
 */
export class CallState {
  /** Whether the call goes on although revocations are behind, by a rule of its own: passport's guard asks no more. */
  stalenessSettled = false;
  /** How long it took to find out for whom the call is, in milliseconds. */
  verifiedInMs: number | undefined;
  /** When its caller stops waiting, by `performance.now()`; `undefined` where nobody has said, or nobody waits. */
  deadline: number | undefined;
  /** What became of the calls to other services that this one has led to. */
  relayed: OpenReport[] | undefined;
  /** What is shown of it, once somebody has asked. */
  shown: RelayContext | undefined;
  #authenticated: Authenticated | undefined;
  #traceparent: string | undefined;
  #place: Context | undefined;

  /** The call that this one goes on with: itself, but for work that may outlive it. */
  readonly root: CallState;

  /** @param root of the call that it goes on with. Default: it is a call of its own */
  constructor(
    private readonly rules: CallRules,
    readonly hints: ContextHints = ownHints(),
    root?: CallState,
  ) {
    this.deadline = hints.deadline;
    this.root = root ?? this;
  }

  /**
   * The same call, for work that may outlive it: for the same caller, who doesn't wait for it any more. What can't be
   * relayed for it is refused as the call in which the work is done has to answer.
   *
   * @param answering that call; `undefined` where there is none
   */
  continuedIn(answering: CallState | undefined): CallState {
    const { verifier, extract } = this.rules;
    const { refuse, refuseAs } = answering?.rules ?? this.rules;
    const rules = { verifier, extract, refuse, ...(refuseAs && { refuseAs }) };
    const call = new CallState(rules, this.hints, this.root);
    call.deadline = answering && answering.root !== this.root ? answering.deadline : undefined;
    call.#authenticated = this.#authenticated;
    return call;
  }

  /** Names the call in answers and logs, on every service that it passes. A hint, never a proof. */
  get transactionId(): string {
    return this.hints.transactionId;
  }

  /** Where the spans of what it leads to belong; `undefined` where it has none of its own. */
  get place(): Context | undefined {
    return this.root.#place;
  }
  set place(place: Context) {
    this.root.#place = place;
  }

  /** W3C Trace Context: of its span; without one as it came, or of a trace that begins here. */
  get traceparent(): string {
    if (this.root !== this) return this.root.traceparent;
    if (this.#place) return traceparentIn(this.#place);
    return (this.#traceparent ??= this.hints.traceparent ?? newTraceparent(this.transactionId));
  }

  get verifier(): TokenVerifier {
    return this.rules.verifier;
  }

  get authenticated(): Authenticated | undefined {
    return this.#authenticated;
  }

  extract(call: object): string | null | undefined {
    return this.rules.extract(call);
  }

  transactionTokens(): readonly string[] {
    return this.rules.transactionTokens?.() ?? NONE;
  }

  refuse(refusal: Refusal): Error {
    return this.rules.refuse(refusal, this.transactionId);
  }

  /** What another service has refused, as this call has to answer it; `undefined` for an `HttpException`. */
  refuseAs(refusal: RpcRefusal): Error | undefined {
    return this.rules.refuseAs?.(refusal);
  }

  /** Refuses the whole call, where `refuse` only says how to tell. */
  turnAway(refusal: Refusal): Error {
    this.rules.refused?.(refusal);
    if (this.place) noteRefusal(this.place, refusal.code);
    return this.refuse(refusal);
  }

  /** @throws Error when somebody else has been let in on this call before */
  admit(authenticated: Authenticated): void {
    if (this.#authenticated && this.#authenticated.principal.id !== authenticated.principal.id) {
      throw new Error('this call was made for another principal');
    }
    this.#authenticated = authenticated;
  }
}

const NONE: readonly string[] = Object.freeze([]);

/** For whom a call is made, and the token that proves it. */
export interface Authenticated {
  readonly principal: Principal;
  /** The access token: the caller's own where a transaction token says for whom it calls. */
  readonly token: string;
  /** The transaction token, as it came: passed on as it is. */
  readonly transactionToken?: string;
}

const STATE: unique symbol = Symbol('token-relay.call-state');
interface Carrier {
  [STATE]?: CallState;
}

/** Attaches the state to what stands for the call: the HTTP request, or the context of an RPC message. */
export function attachState(carrier: object, state: CallState): void {
  (carrier as Carrier)[STATE] = state;
}

export function stateOf(carrier: object): CallState | undefined {
  return (carrier as Carrier)[STATE];
}

/** The transaction id of the call that this request – or this context of an RPC message – is. */
export function transactionIdOf(request: object): string | undefined {
  return stateOf(httpRequestOf(request))?.transactionId;
}

/** Node's own request: Fastify keeps it in `raw`, Express's request is one – whatever it has under that name. */
export function httpRequestOf(request: object): object {
  if (stateOf(request)) return request;
  return 'raw' in request && typeof request.raw === 'object' && request.raw !== null ? request.raw : request;
}
