import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { type RpcException } from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { randomUUID } from 'node:crypto';
import { extractToken } from '../core/extract-token';
import { type Principal } from '../core/principal';
import { isRefusal, TokenRejected } from '../core/refusals';
import { TokenVerifier } from '../core/token-verifier';
import { carrierOf } from './call';
import { type HandlerPolicy, policyOf } from './policy.decorators';
import { toRpcRefusal } from './problem';
import { attachState, RequestState, stateOf } from './request-state';
import { isTransactionId, TRANSACTION_ID_HEADER } from './transaction-id';

/**
 * Lets a call through whose token is good and holds what its handler asks for. Without a word on a handler, a
 * token is required; `@Public` opens one.
 *
 * Over HTTP it is passport's guard for `JwtStrategy`; over RPC the token stands in the packet's metadata. A kind
 * of call that it doesn't know is refused.
 */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') implements CanActivate {
  // Named, so that what passport's guard injects (its own options) isn't inherited in its place.
  constructor(@Inject(TokenVerifier) private readonly verifier: TokenVerifier) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const policy = policyOf(context);
    if (policy.publicReason !== undefined) return true;
    return context.getType<string>() === 'rpc' ? this.guardRpc(context, policy) : this.guardHttp(context, policy);
  }

  private async guardHttp(context: ExecutionContext, policy: HandlerPolicy): Promise<boolean> {
    const state = stateOf(carrierOf(context));
    // A token that was verified before doesn't go through passport again: its verdict is at hand.
    if (!state || !(await refusing(state, () => this.recall(context, state)))) await super.canActivate(context);
    if (!state?.authenticated) return false;
    const { principal } = state.authenticated;
    return refusing(state, () => authorize(principal, policy));
  }

  /** Lets the call in if its token's verdict is remembered, and leaves it as passport's guard would. */
  private recall(context: ExecutionContext, state: RequestState): boolean {
    const request = this.getRequest(context) as { user?: unknown };
    const token = state.extract(request);
    const principal = typeof token === 'string' && token !== '' ? state.verifier.recall(token) : undefined;
    if (!principal) return false;
    state.admit({ principal, token: token as string });
    request.user = this.handleRequest(undefined, principal, undefined, context);
    return true;
  }

  private async guardRpc(context: ExecutionContext, policy: HandlerPolicy): Promise<boolean> {
    const carrier = carrierOf(context);
    const metadata = metadataOf(carrier);
    const sent = metadata[TRANSACTION_ID_HEADER];
    const transactionId = isTransactionId(sent) ? sent : randomUUID();
    const state = new RequestState(this.verifier, () => undefined, transactionId, rpcRefusals());
    attachState(carrier, state);
    return refusing(state, async () => {
      const token = extractToken(authorizationOf(metadata));
      const principal = await this.verifier.verify(token);
      authorize(principal, policy);
      state.admit({ principal, token });
      return true;
    });
  }
}

/** Runs it, and throws a refusal in the form that the call's transport needs. */
async function refusing<Result>(state: RequestState, check: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await check();
  } catch (error) {
    throw isRefusal(error) ? state.refuse(error, state.transactionId) : error;
  }
}

/** @throws TokenRejected `insufficient_scope`, `actor_not_allowed` */
function authorize(principal: Principal, policy: HandlerPolicy): true {
  if (!policy.scopes.every((scope) => principal.scopes.includes(scope))) {
    throw new TokenRejected('insufficient_scope', { requiredScopes: policy.scopes });
  }
  if (policy.actors.length > 0 && !policy.actors.includes(principal.actor[0] ?? '')) {
    throw new TokenRejected('actor_not_allowed');
  }
  return true;
}

type Metadata = Readonly<Record<string, unknown>>;

/** What a packet carries beside its data: Nest 12's contexts have it in `getMetadata()`. */
function metadataOf(rpcContext: object): Metadata {
  const { getMetadata } = rpcContext as { getMetadata?: () => unknown };
  const metadata = typeof getMetadata === 'function' ? getMetadata.call(rpcContext) : undefined;
  return typeof metadata === 'object' && metadata !== null ? (metadata as Metadata) : {};
}

function authorizationOf(metadata: Metadata): string[] {
  const { authorization } = metadata;
  return typeof authorization === 'string' ? [authorization] : [];
}

/** Loads an optional peer, so not before it is needed: whoever gets here over RPC has it. */
function rpcRefusals(): RequestState['refuse'] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- Jest as it comes can't do import() in CommonJS
  const microservices = require('@nestjs/microservices') as { RpcException: typeof RpcException };
  return (refusal, transactionId) => new microservices.RpcException(toRpcRefusal(refusal, transactionId));
}
