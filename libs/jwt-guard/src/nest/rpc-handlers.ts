import { isObservable, Observable } from 'rxjs';
import { type TokenVerifier } from '../core/token-verifier';
import { currentCall, runInContext } from '../relay/relay-context';
import { attachState, type CallState, stateOf } from './call-state';
import { rpcCall, type RpcHandler, type RpcReading, type RpcServer } from './rpc-calls';
import { openEnvelope } from './rpc-envelope';
import { beginMessageSpan, endWith } from './rpc-span';
import { metadataOf, RpcMetadata } from './rpc-metadata';

/**
 * Sees to it that every handler runs in the context of its message: also those of a server that calls no hook, and those
 * whose message says within its data for whom it is.
 */
export function runHandlersInContext(server: RpcServer, verifier: TokenVerifier, reading: RpcReading): void {
  const addHandler = server.addHandler.bind(server);
  const received = new WeakSet<CallState>();
  /** The state of a message, and its data without the envelope. */
  const receive = (data: unknown, context: object): { call: CallState; data: unknown } => {
    const known = stateOf(context);
    const envelope =
      reading.envelopes && metadataOf(context, reading.sources) === undefined ? openEnvelope(data) : undefined;
    if (!envelope && known && known === currentCall()) return { call: known, data };
    const metadata = envelope && new RpcMetadata(Object.entries(envelope.metadata));
    const call = rpcCall(context, verifier, { ...reading, server, metadata });
    attachState(context, call);
    return { call, data: envelope ? envelope.data : data };
  };
  const inContext = (callback: RpcHandler, pattern: unknown, isEvent: boolean): RpcHandler => {
    const handler = function (this: unknown, ...parameters: unknown[]): unknown {
      const current = currentCall();
      const [data, context, ...more] = parameters;
      // From a handler to the next one of the same event: there is no second envelope.
      const isReceived = current && received.has(current) && parameters.some((part) => stateIn(part) === current);
      if (isReceived || typeof context !== 'object' || context === null) return callback.apply(this, parameters);
      const message = receive(data, context);
      received.add(message.call);
      const span = beginMessageSpan(message.call, pattern, isEvent);
      if (message.call === current && !span) return callback.apply(this, parameters);
      const run = (): unknown => runAll(message.call, () => callback.apply(this, [message.data, context, ...more]));
      return span ? endWith(span, run) : run();
    };
    // Nest tells handlers apart by these: of gRPC by the name, of events by who is the next.
    Object.defineProperty(handler, 'name', { configurable: true, value: callback.name });
    return Object.defineProperty(handler, 'next', {
      configurable: true,
      enumerable: true,
      get: () => callback.next,
      set: (next: RpcHandler) => (callback.next = next),
    });
  };
  server.addHandler = (pattern, callback, ...more) =>
    addHandler(pattern, inContext(callback, pattern, more[0] === true), ...more);
}

/** In the context of the call, to the end of what is returned: Nest subscribes to that when the handler is done. */
function runAll(call: CallState, handle: () => unknown): unknown {
  const inContext = (result: unknown): unknown =>
    isObservable(result)
      ? new Observable((subscriber) => runInContext(call, () => result.subscribe(subscriber)))
      : result;
  const result = runInContext(call, handle);
  return result instanceof Promise ? result.then(inContext) : inContext(result);
}

function stateIn(part: unknown): CallState | undefined {
  return typeof part === 'object' && part !== null ? stateOf(part) : undefined;
}
