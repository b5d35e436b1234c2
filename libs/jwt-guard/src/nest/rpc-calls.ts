import { type RpcException } from '@nestjs/microservices';
import { extractToken } from '../core/extract-token';
import { type Refusal } from '../core/refusals';
import { type TokenVerifier } from '../core/token-verifier';
import { currentCall, runInContext } from '../relay/relay-context';
import { acceptedHints } from './context-hints';
import { attachState, CallState, stateOf } from './call-state';
import { type RpcRefusal, toRpcRefusal } from './problem';
import { metadataOf, type RpcMetadata, type RpcMetadataSource } from './rpc-metadata';
import { TRANSACTION_TOKEN_HEADER } from './transaction-token';

type ProcessingStartHook = (transportId: unknown, context: object, done: () => unknown) => unknown;

export interface RpcHandler {
  (...parameters: unknown[]): unknown;
  /** Of an event: who gets it as well. */
  next?: RpcHandler;
}

/** Where messages say what they carry beside their data. */
export interface RpcReading {
  /** Of transports that aren't known here. */
  readonly sources: readonly RpcMetadataSource[];
  /** Whether it may be around the data, where a transport has no place for it beside them. */
  readonly envelopes: boolean;
}

/** As much of `Server` (@nestjs/microservices, an optional peer) as is needed here. */
export interface RpcServer {
  readonly transportId?: number | symbol;
  /** RabbitMQ: whether a message counts as done when it is delivered. */
  readonly noAck?: boolean;
  onProcessingStartHook?: ProcessingStartHook;
  addHandler(pattern: unknown, callback: RpcHandler, ...more: unknown[]): void;
  getHandlers?(): ReadonlyMap<string, RpcHandler>;
  getHandlerByPattern(pattern: string): RpcHandler | null;
  listen(callback: (error?: unknown, ...more: unknown[]) => void): unknown;
}

/**
 * Opens the context of every message with `run()`, in the hook that Nest calls first. Hooks that were there, or are
 * set later, are called as before.
 */
export function openContextOnRpc(server: RpcServer, verifier: TokenVerifier, { sources }: RpcReading): void {
  const underWay = new WeakSet<object>();
  const opening = (hook: ProcessingStartHook): ProcessingStartHook =>
    function open(transportId, context, done) {
      const known = stateOf(context);
      // The same message again, where a hook calls the one that was there before; else a context that is used anew.
      const isSame = known !== undefined && (underWay.has(context) || currentCall() === known);
      const call = isSame ? known : rpcCall(context, verifier, { server, sources });
      attachState(context, call);
      underWay.add(context);
      return hook.call(server, transportId, context, () => {
        underWay.delete(context);
        return runInContext(call, done);
      });
    };
  let hook = opening(server.onProcessingStartHook ?? ((_transportId, _context, done) => done()));
  Object.defineProperty(server, 'onProcessingStartHook', {
    configurable: true,
    enumerable: true,
    get: () => hook,
    set: (replacement: ProcessingStartHook) => (hook = opening(replacement)),
  });
}

interface RpcCallOptions extends Partial<Pick<RpcReading, 'sources'>> {
  /** That it came by; without it a refusal is all that can be done. */
  readonly server?: RpcServer | undefined;
  /** What it carries. Default: what is found beside its data. */
  readonly metadata?: RpcMetadata | undefined;
}

/** The state of a message. */
export class RpcCall extends CallState {
  constructor(context: object, verifier: TokenVerifier, options: RpcCallOptions = {}) {
    const { server, sources, metadata = metadataOf(context, sources) } = options;
    const valuesOf = (name: string): readonly string[] => metadata?.valuesOf(name) ?? [];
    const hints = acceptedHints(valuesOf);
    let refusals = 0;
    super(
      {
        verifier,
        extract: () => extractToken(valuesOf('authorization')),
        transactionTokens: () => valuesOf(TRANSACTION_TOKEN_HEADER),
        refuse: rpcRefusal,
        refuseAs: rpcError,
        refused: () => {
          refusals++;
          if (server) dropFromQueue(server, context, refusals);
        },
      },
      metadata?.isTooLarge ? { ...hints, malformed: 'metadata' } : hints,
    );
  }
}

export function rpcCall(context: object, verifier: TokenVerifier, options?: RpcCallOptions): CallState {
  return new RpcCall(context, verifier, options);
}

/**
 * Tells RabbitMQ that a refused message is done with: Nest would leave it in the queue, unacknowledged, and it would
 * come again and again. It goes to the queue's dead letters, if there are any. An event that several handlers get is
 * refused when all of them have; else it is for the others to acknowledge it.
 */
function dropFromQueue(server: RpcServer, context: object, refusals: number): void {
  const { getMessage, getChannelRef, getPattern } = context as Partial<RmqContext>;
  // Only where messages are acknowledged at all: anything else ends the channel.
  if (server.noAck !== false || !getMessage || !getChannelRef || !getPattern) return;
  let handlers = 0;
  const first = server.getHandlerByPattern(getPattern.call(context));
  for (let handler: RpcHandler | null | undefined = first; handler; handler = handler.next) handlers++;
  if (refusals === handlers) getChannelRef.call(context).nack(getMessage.call(context), false, false);
}

interface RmqContext {
  getMessage(): object;
  getPattern(): string;
  getChannelRef(): { nack(message: object, allUpTo: boolean, requeue: boolean): void };
}

export function rpcRefusal(refusal: Refusal, transactionId: string): Error {
  return rpcError(toRpcRefusal(refusal, transactionId));
}

/** What Nest's own filter, and every one that a team may have, answers to a message with. */
export function rpcError(answer: RpcRefusal): Error {
  // Loads an optional peer, so not before it is needed: whoever gets here over RPC has it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- Jest as it comes can't do import() in CommonJS
  const microservices = require('@nestjs/microservices') as { RpcException: typeof RpcException };
  return new microservices.RpcException(answer);
}
