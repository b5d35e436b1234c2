import { type WsException } from '@nestjs/websockets';
import { randomUUID } from 'node:crypto';
import { isRefusal, type Refusal, TokenRejected } from '../../core/refusals';
import { type TokenVerifier } from '../../core/token-verifier';
import { type Authenticated, CallState } from '../call-state';
import { type RpcRefusal, toRpcRefusal } from '../problem';
import { type StandingWatch } from '../standing-watch';
import { type SocketConnection } from './socket-connection';

/** Close codes for applications are 4000 to 4999 (RFC 6455, section 7.4.2); these say 401 and 403. */
const CLOSE_UNAUTHORIZED = 4401;
const CLOSE_FORBIDDEN = 4403;
/** "Try again later": whether the token is good could not be told. */
const CLOSE_TRY_AGAIN = 1013;

/** What a client is told in when something was refused. */
const REFUSED_EVENT = 'exception';

/** One client's socket: for whom it is open, for as long as that holds. */
export class SocketSession {
  #current: Authenticated | undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  #waiting: (() => void)[] = [];
  #deadline: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #ended = false;
  /** Why it was ended; a client that was told so may go on sending, and not close its side for a while. */
  #reason: Refusal | undefined;

  constructor(
    private readonly connection: SocketConnection,
    private readonly verifier: TokenVerifier,
    private readonly standing: StandingWatch,
  ) {}

  /** Takes what was verified before the socket was there. */
  admit(authenticated: Authenticated): void {
    this.#current = authenticated;
    clearTimeout(this.#deadline);
    this.#unwatch?.();
    if (!this.#ended) this.#unwatch = this.standing.watch(authenticated.principal, (refusal) => this.end(refusal));
    const waiting = this.#waiting;
    this.#waiting = [];
    // Apart from whoever sent the token: what fails in there is no fault of it.
    for (const run of waiting) queueMicrotask(run);
  }

  /** Ends the socket if no token has come by then. */
  awaitToken(seconds: number): void {
    this.#deadline = setTimeout(() => {
      // A token that is being verified has come.
      void this.#underWay.finally(() => {
        if (!this.#current) this.end(new TokenRejected('token_missing'));
      });
    }, seconds * 1000).unref();
  }

  /**
   * Takes a token that came in a message: the first, or one that renews it. A bad first one ends the socket; a bad
   * later one leaves it as it is.
   *
   * @throws TokenRejected also `session_mismatch` for a token of another user, or another session
   * @throws VerifierUnavailable
   */
  authenticate(token: unknown): Promise<void> {
    const attempt = this.#underWay.then(() => this.#take(token));
    // The next attempt, and every message in between, waits for this one, however it ends.
    this.#underWay = attempt.catch(() => undefined);
    return attempt;
  }

  async #take(token: unknown): Promise<void> {
    // No work for the rest of a flood, nor for a client that is gone.
    if (this.#ended) throw this.#reason ?? new TokenRejected('token_missing');
    try {
      if (token === undefined) throw new TokenRejected('token_missing');
      const principal = await this.verifier.verify(token as string);
      const before = this.#current?.principal;
      if (before && (before.id !== principal.id || before.sessionId !== principal.sessionId)) {
        throw new TokenRejected('session_mismatch');
      }
      if (!this.#ended) this.admit({ principal, token: token as string });
    } catch (error) {
      if (isRefusal(error) && !this.#current) this.end(error);
      throw error;
    }
  }

  /** Runs it when a token has come; at once if it is there. */
  whenAdmitted(run: () => void): void {
    if (this.#current) run();
    else this.#waiting.push(run);
  }

  /**
   * For whom the socket is open, asked anew for each message.
   *
   * @throws TokenRejected `token_missing` as long as no token has come; why it doesn't count any more; why the socket
   *   was ended
   * @throws VerifierUnavailable
   */
  async authenticated(): Promise<Authenticated> {
    await this.#underWay;
    if (this.#reason) throw this.#reason;
    if (!this.#current) throw new TokenRejected('token_missing');
    this.verifier.recheck(this.#current.principal);
    return this.#current;
  }

  /** Says why, and closes the socket. */
  end(refusal: Refusal): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = refusal;
    this.#unwatch?.();
    clearTimeout(this.#deadline);
    this.tell(refusal);
    this.connection.close(closeCodeOf(refusal), refusal.code);
  }

  /** The socket is gone. */
  forget(): void {
    this.#ended = true;
    this.#unwatch?.();
    this.#waiting = [];
    clearTimeout(this.#deadline);
  }

  /** Tells why something was refused. */
  tell(refusal: Refusal): void {
    this.connection.tell(REFUSED_EVENT, toRpcRefusal(refusal, randomUUID()));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What is done for the socket itself: its connection. */
  connectionCall(): SocketCall {
    const call = this.messageCall();
    if (this.#current) call.admit(this.#current);
    return call;
  }

  /** What is done for a message; for whom, the guard has to say. */
  messageCall(): SocketCall {
    return new SocketCall(this, this.verifier);
  }

  /** What the client is told about the token that it sent. */
  get expiresAt(): number | undefined {
    return this.#current?.principal.expiresAt;
  }
}

/** The state of one message, which knows the socket that it came by. */
export class SocketCall extends CallState {
  constructor(
    readonly session: SocketSession,
    verifier: TokenVerifier,
  ) {
    super({
      verifier,
      extract: () => undefined,
      refuse: wsRefusal,
      refuseAs: wsError,
      // A token that counts no more is a reason to end the socket; one that is missing still, or not enough, isn't.
      refused: (refusal) => {
        if (refusal.status === 401 && refusal.code !== 'token_missing') session.end(refusal);
      },
    });
  }
}

function closeCodeOf(refusal: Refusal): number {
  if (!(refusal instanceof TokenRejected)) return CLOSE_TRY_AGAIN;
  return refusal.status === 403 ? CLOSE_FORBIDDEN : CLOSE_UNAUTHORIZED;
}

export function wsRefusal(refusal: Refusal, transactionId: string): Error {
  return wsError(toRpcRefusal(refusal, transactionId));
}

function wsError(answer: RpcRefusal): Error {
  // Loads an optional peer, so not before it is needed: whoever gets here has gateways.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- Jest as it comes can't do import() in CommonJS
  const websockets = require('@nestjs/websockets') as { WsException: typeof WsException };
  return new websockets.WsException(answer);
}
