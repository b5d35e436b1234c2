import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { randomUUID } from 'node:crypto';
import { isRefusal, type Refusal, TokenRejected } from '../core/refusals';
import { checkStaleness, STALENESS_BOUND_SECONDS } from '../core/staleness';
import { TokenVerifier } from '../core/token-verifier';
import { currentCall } from '../relay/relay-context';
import { AtPassport } from './at-passport';
import { authorize } from './authorize';
import { type CallKind, callOf, httpRequestIn, kindOf } from './call';
import { attachState, type Authenticated, type CallState } from './call-state';
import { graphqlRequestOf } from './graphql-request';
import { type Handler, HandlerPolicies, type TokenPolicy } from './handler-policy';
import { identify, identifyAtOnce } from './identify';
import { GUARDED } from './jwt.strategy';
import { httpRefusals } from './problem';
import { rpcCall, rpcRefusal } from './rpc-calls';
import { isGraphqlQuery, isSafeRequest } from './safe-calls';
import { SocketCall, wsRefusal } from './ws/socket-session';

/** A request, of whatever server, with what passport's guard leaves on it. */
interface Guarded {
  user?: unknown;
}

/** How one kind of call is authenticated. */
interface Way {
  /** The state of the call. */
  open(context: ExecutionContext): CallState;
  /** @returns `undefined` when passport, asked by others, has let in somebody else */
  authenticate(
    context: ExecutionContext,
    call: CallState,
    policy: TokenPolicy,
  ): Authenticated | Promise<Authenticated | undefined>;
  /** Whether the call changes nothing. */
  isSafe(context: ExecutionContext): boolean;
}

/**
 * Lets a call through whose token is good and holds what its handler asks for. Without a word on a handler, a
 * token is required; `@Public` opens one.
 *
 * Over HTTP, and so for GraphQL, it is passport's guard for `JwtStrategy`; over RPC the token stands beside the
 * message's data; a WebSocket has been given one. A kind of call that it doesn't know is refused.
 */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') implements CanActivate {
  readonly #ways: Readonly<Record<CallKind, Way>> = {
    http: {
      open: openedCall,
      authenticate: (context, call) => this.overHttp(context, call),
      isSafe: (context) => isSafeRequest(httpRequestIn(context)),
    },
    graphql: {
      open: openedCall,
      authenticate: (context, call) => this.overHttp(context, call),
      isSafe: isGraphqlQuery,
    },
    rpc: {
      open: (context) => this.openRpc(context),
      authenticate: (_context, call, { acceptLateSeconds }) => identify(call, call, acceptLateSeconds),
      isSafe: () => false,
    },
    ws: { open: openedCall, authenticate: viaSocket, isSafe: () => false },
  };

  // Named, so that what passport's guard injects (its own options) isn't inherited in its place.
  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Inject(HandlerPolicies) private readonly policies: HandlerPolicies,
  ) {
    super();
  }

  /** At once, where every token of the call was verified before: a promise costs as much as to look up the verdict. */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    let call: CallState | undefined;
    let kind: CallKind | undefined;
    try {
      const policy = this.policies.of(context.getClass(), context.getHandler() as Handler);
      if (policy.kind !== 'token') return true;
      kind = kindOf(context);
      const way = this.#ways[kind];
      call = way.open(context);
      refuseAnothersContext(call);
      const verdict = way.authenticate(context, call, policy);
      return verdict instanceof Promise
        ? this.letInLater(context, call, policy, verdict)
        : this.letIn(context, call, policy, verdict);
    } catch (error) {
      return Promise.reject(refusalOf(error, call, kind));
    }
  }

  private async letInLater(
    context: ExecutionContext,
    call: CallState,
    policy: TokenPolicy,
    verdict: Promise<Authenticated | undefined>,
  ): Promise<boolean> {
    try {
      const authenticated = await verdict;
      return authenticated !== undefined && this.letIn(context, call, policy, authenticated);
    } catch (error) {
      throw refusalOf(error, call);
    }
  }

  /** @throws TokenRejected, VerifierUnavailable unless the handler may be called */
  private letIn(context: ExecutionContext, call: CallState, policy: TokenPolicy, authenticated: Authenticated): true {
    authorize(authenticated.principal, policy);
    const age = call.verifier.revocationAgeSeconds;
    if (age > STALENESS_BOUND_SECONDS) {
      const kind = kindOf(context);
      const isSafe = this.#ways[kind].isSafe(context);
      checkStaleness(age, policy.whenStale, isSafe);
      // One request may be several mutations: what one of them may do says nothing of the next.
      if (kind === 'http' || isSafe) call.stalenessSettled = true;
    }
    call.admit(authenticated);
    return true;
  }

  /** A token that was verified before doesn't go through passport again: its verdict is at hand. */
  private overHttp(context: ExecutionContext, call: CallState): Authenticated | Promise<Authenticated | undefined> {
    const request = this.getRequest(context) as Guarded;
    const authenticated = identifyAtOnce(call, request);
    if (!authenticated) return this.viaPassport(context, call, request);
    call.admit(authenticated);
    // As passport's guard leaves it.
    request.user = this.handleRequest(undefined, authenticated.principal, undefined, context);
    return authenticated;
  }

  private async viaPassport(
    context: ExecutionContext,
    call: CallState,
    request: Guarded,
  ): Promise<Authenticated | undefined> {
    const shown = new AtPassport(context, request);
    try {
      await super.canActivate(shown);
      request.user = shown.request.user;
    } finally {
      shown.release();
    }
    return call.authenticated;
  }

  /** Tells the strategy that what becomes of the call is said here. */
  override getAuthenticateOptions() {
    return GUARDED;
  }

  /** Where passport's guard looks for the request. */
  override getRequest(context: ExecutionContext): unknown {
    if (context instanceof AtPassport) return context.request;
    return context.getType<string>() === 'graphql' ? graphqlRequestOf(context) : httpRequestIn(context);
  }

  /** The same for its answer. */
  getResponse(context: ExecutionContext): unknown {
    return context instanceof AtPassport ? context.response : context.switchToHttp().getResponse();
  }

  private openRpc(context: ExecutionContext): CallState {
    const opened = callOf(context);
    // Not one that is left from an earlier message, where a server uses a context for several.
    if (opened && opened === currentCall()) return opened;
    // By a server that opens no contexts: nothing is known of the call but its token.
    const carrier: unknown = context.switchToRpc().getContext();
    if (typeof carrier !== 'object' || carrier === null) throw new TokenRejected('context_not_supported');
    const call = rpcCall(carrier, this.verifier);
    attachState(carrier, call);
    return call;
  }
}

/** What has to be thrown for it. */
function refusalOf(error: unknown, call: CallState | undefined, kind?: CallKind): Error {
  if (!isRefusal(error)) return error as Error;
  if (call) return call.turnAway(error);
  return kind ? refusalWithoutCall(kind, error) : error;
}

/**
 * What is read from the context must be about this call, or nobody's: else a handler would work for somebody else.
 *
 * @throws Error for a call that something has passed on in the context of another
 */
function refuseAnothersContext(call: CallState): void {
  const current = currentCall();
  if (current !== undefined && current !== call) {
    throw new Error('this call was passed on in the context of another: bind what passes it on with bindContext()');
  }
}

/** @throws TokenRejected `context_not_supported` for a call that came by a way that nobody here has opened */
function openedCall(context: ExecutionContext): CallState {
  const call = callOf(context);
  if (!call) throw new TokenRejected('context_not_supported');
  return call;
}

function refusalWithoutCall(kind: CallKind, refusal: Refusal): Error {
  const transactionId = randomUUID();
  if (kind === 'rpc') return rpcRefusal(refusal, transactionId);
  if (kind === 'ws') return wsRefusal(refusal, transactionId);
  return httpRefusals(() => undefined, 'api')(refusal, transactionId);
}

/** @throws TokenRejected `context_not_supported` for a message in the context of something else */
async function viaSocket(_context: ExecutionContext, call: CallState): Promise<Authenticated> {
  if (!(call instanceof SocketCall)) throw new TokenRejected('context_not_supported');
  return call.session.authenticated();
}
