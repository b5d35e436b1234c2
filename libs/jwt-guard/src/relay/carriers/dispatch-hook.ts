import { AsyncLocalStorage } from 'node:async_hooks';
import { isRedisClient, nestClientName } from './nest-clients';
import { handleRejections } from './redis-rejections';
import { withRelayed } from '../relayed-headers';
import { type CarriedHeaders, type RpcCarrier, type RpcClient } from './rpc-carrier';

interface Packet {
  data?: unknown;
  metadata?: unknown;
}
type DispatchHook = (packet: Packet) => void;

/** The hook of Nest 12.1: a single one, which every packet passes on its way out. */
interface Dispatching extends RpcClient {
  onDispatchHook?: DispatchHook | undefined;
  setOnDispatchHook(hook: DispatchHook): void;
}

/**
 * TCP and Redis, and clients of an app's own that are made like theirs: the headers are the packet's metadata, which a
 * server of Nest 12.1 hands to its handlers.
 *
 * The headers come to the hook with the data that they belong to. An AsyncLocalStorage would bring them to every packet
 * that is made in the context of a call – and the sockets that Nest opens for the first call stay in its context.
 */
export const dispatchHook: RpcCarrier = {
  prepare(client) {
    const { setOnDispatchHook } = client as Partial<Dispatching>;
    if (typeof setOnDispatchHook !== 'function') {
      throw new TypeError(
        'transport: this client has no dispatch hook, for which it takes @nestjs/microservices 12.1: use "envelope"',
      );
    }
    const name = nestClientName(client);
    if (name !== undefined) {
      throw new TypeError(`transport: the servers of ${name} drop the metadata of a packet: use ${INSTEAD[name]}`);
    }
    install(client as Dispatching);
    return (data, headers) => new Accompanied(data, headers);
  },
};

const INSTEAD = {
  ClientNats: '"nats"',
  ClientRMQ: '"rmq"',
  ClientMqtt: '"envelope", or a carrier of your own',
  ClientKafka: 'a carrier of your own',
  ClientGrpcProxy: 'the metadata of its own calls',
};

/** Data with the headers that go with them, as far as the hook. */
class Accompanied {
  readonly data: unknown;
  readonly #headers: CarriedHeaders;
  readonly #inContext = AsyncLocalStorage.snapshot();

  constructor(data: unknown, headers: CarriedHeaders) {
    this.data = data;
    this.#headers = headers;
  }

  /** @param others what the hooks of others do, for whom this is a packet as any other, of whoever sends it */
  unload(packet: Packet, others: () => void): void {
    packet.data = this.data;
    this.#inContext(others);
    packet.metadata = withRelayed(packet.metadata, this.#headers);
  }

  /** Should a client pass its own hook by: the data, and no token among them. */
  toJSON(): unknown {
    return this.data;
  }
}

const installed = new WeakSet<Dispatching>();

/** Once for all who relay by this client. Hooks that were there, or are set later, are called as before. */
function install(client: Dispatching): void {
  if (installed.has(client)) return;
  installed.add(client);
  if (isRedisClient(client)) handleRejections(client);
  const carrying =
    (hook: DispatchHook | undefined): DispatchHook =>
    (packet) => {
      const others = (): void => hook?.call(client, packet);
      if (packet.data instanceof Accompanied) packet.data.unload(packet, others);
      else others();
    };
  let hook = carrying(client.onDispatchHook);
  Object.defineProperty(client, 'onDispatchHook', {
    configurable: true,
    enumerable: true,
    get: () => hook,
    set: (replacement: DispatchHook | undefined) => (hook = carrying(replacement)),
  });
}
