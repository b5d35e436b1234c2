import { type Principal } from '../core/principal';
import { type Refusal } from '../core/refusals';
import { type TokenVerifier } from '../core/token-verifier';

/** How the calls of one transport carry their token, and how they are refused. */
export interface CallRules {
  readonly verifier: TokenVerifier;
  /**
   * Finds the token of the call; `undefined` or an empty text where there is none.
   *
   * @throws TokenRejected for two of them, and for one that is badly sent
   */
  readonly extract: (call: object) => string | null | undefined;
  /**
   * Makes what has to be thrown for a refusal on this kind of call, and first puts on the answer what it says
   * to the client besides: no filter can lose it then.
   */
  readonly refuse: (refusal: Refusal, transactionId: string) => Error;
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
  #authenticated: Authenticated | undefined;

  constructor(
    private readonly rules: CallRules,
    /** Names the call in answers and logs, on every service that it passes. A hint, never a proof. */
    readonly transactionId: string,
  ) {}

  get verifier(): TokenVerifier {
    return this.rules.verifier;
  }

  get authenticated(): Authenticated | undefined {
    return this.#authenticated;
  }

  extract(call: object): string | null | undefined {
    return this.rules.extract(call);
  }

  refuse(refusal: Refusal): Error {
    return this.rules.refuse(refusal, this.transactionId);
  }

  /** Refuses the whole call, where `refuse` only says how to tell. */
  turnAway(refusal: Refusal): Error {
    this.rules.refused?.(refusal);
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

/** For whom a call is made, and the token that proves it. */
export interface Authenticated {
  readonly principal: Principal;
  readonly token: string;
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
