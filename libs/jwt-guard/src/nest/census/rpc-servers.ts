import { Controller } from '@nestjs/common';
import { type GuardBindings } from '../guard-bindings';
import { type RpcServer } from '../rpc-calls';

/**
 * Handlers that Nest binds to every server of an app, as it binds all others, and that no server keeps: whether the
 * guard is bound to them tells whether the app's global guards count there.
 */
export class RpcProbe {
  first(): void {}
  second(): void {}
}
const PROBES = ['token-relay.probe.first', 'token-relay.probe.second'] as const;
// Without a path it is no controller for HTTP.
Controller([])(RpcProbe);
const methods = RpcProbe.prototype as unknown as Readonly<Record<string, object>>;
for (const [i, method] of ['first', 'second'].entries()) {
  Reflect.defineMetadata('microservices:pattern', [PROBES[i]], methods[method] ?? {});
  Reflect.defineMetadata('microservices:handler_type', 1, methods[method] ?? {});
}

/** A server that RPC comes in by. */
export interface WatchedServer {
  readonly transportId: number | symbol | undefined;
  /** Whether Nest applies the app's global guards there; `undefined` until it has bound its handlers. */
  readonly guarded: boolean | undefined;
  /** Whether Nest waits with its handlers until it is started, and binds all gateways again then. */
  readonly isDeferred: boolean;
  /** How often a handler was added for each pattern, which is here as JSON. */
  readonly patterns: ReadonlyMap<string, number>;
}

/**
 * @param isHybrid whether it is a part of an app that has more than it
 * @param beforeOpening called before the server opens its port, or joins its broker; what it throws prevents that
 */
export function watchRpcServer(
  server: RpcServer,
  isHybrid: boolean,
  bindings: GuardBindings,
  beforeOpening: () => void,
): WatchedServer {
  const patterns = new Map<string, number>();
  const add = (pattern: unknown): void => {
    const key = JSON.stringify(pattern) ?? String(pattern);
    patterns.set(key, (patterns.get(key) ?? 0) + 1);
  };
  // Of a strategy of the app's own, which may have come with some.
  for (const pattern of server.getHandlers?.().keys() ?? []) add(pattern);
  let guarded: boolean | undefined;
  let before = 0;
  let isDeferred = false;
  // What isn't deferred has its handlers before connectMicroservice() returns.
  if (isHybrid) queueMicrotask(() => (isDeferred = guarded === undefined));

  const addHandler = server.addHandler.bind(server);
  server.addHandler = (pattern, callback, ...more) => {
    // Nothing happens between the two but that Nest makes the second.
    if (pattern === PROBES[0]) before = bindings.count;
    else if (pattern === PROBES[1]) guarded = bindings.count > before;
    else {
      add(pattern);
      addHandler(pattern, callback, ...more);
    }
  };
  const listen = server.listen.bind(server);
  server.listen = (callback) => {
    try {
      beforeOpening();
    } catch (error) {
      return callback(error);
    }
    return listen(callback);
  };
  return {
    transportId: server.transportId,
    get guarded() {
      return guarded;
    },
    get isDeferred() {
      return isDeferred;
    },
    patterns,
  };
}

/** `Transport` of @nestjs/microservices, by number. */
const TRANSPORTS = ['tcp', 'redis', 'nats', 'mqtt', 'grpc', 'rmq', 'kafka'];

export function transportName(id: number | symbol | undefined): string {
  return typeof id === 'number' ? (TRANSPORTS[id] ?? `rpc-${id}`) : (id?.description ?? 'rpc');
}
