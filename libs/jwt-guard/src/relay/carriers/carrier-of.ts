import { dispatchHook } from './dispatch-hook';
import { envelope } from './envelope';
import { natsHeaders } from './nats-headers';
import { rmqHeaders } from './rmq-headers';
import { type RpcCarrier, type RpcTransport } from './rpc-carrier';

const CARRIERS: Readonly<Record<RpcTransport, RpcCarrier>> = Object.freeze({
  tcp: dispatchHook,
  redis: dispatchHook,
  nats: natsHeaders,
  rmq: rmqHeaders,
  envelope,
});

/** @throws TypeError for a transport that isn't known here */
export function carrierOf(transport: RpcTransport | RpcCarrier = 'tcp'): RpcCarrier {
  if (typeof transport === 'object' && typeof transport.prepare === 'function') return transport;
  if (typeof transport === 'string' && Object.hasOwn(CARRIERS, transport)) return CARRIERS[transport];
  throw new TypeError(`transport: must be one of ${Object.keys(CARRIERS).join(', ')}, or a carrier of the app's own`);
}
