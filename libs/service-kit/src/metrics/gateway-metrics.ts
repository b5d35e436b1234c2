import { type FastifyInstance, type FastifyRequest } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import { statusClass } from './http-labels';

/**
 * What is asked by each route of the gateway. Has to see the instance before its first route.
 *
 * @param contractOf the relay contract of the route that a request came by; `undefined` for a route of the gateway's own
 */
export function routeMetrics(
  registry: Registry,
  instance: FastifyInstance,
  contractOf: (request: FastifyRequest) => string | undefined,
): void {
  const requests = new Counter({
    name: 'token_relay_gateway_requests_total',
    help: 'Requests that came by a route to another service, by its relay contract and status class.',
    labelNames: ['contract', 'status'],
    registers: [registry],
  });
  instance.addHook('onResponse', (request, reply, done) => {
    const contract = contractOf(request);
    if (contract !== undefined) requests.inc({ contract, status: statusClass(reply.statusCode) });
    done();
  });
}

/** What goes on through the gateway for as long as somebody wants it. */
export function openMetrics(
  registry: Registry,
  open: { readonly sockets: () => number; readonly streams: () => number },
): void {
  const registers = [registry];
  new Gauge({
    name: 'token_relay_gateway_open_sockets',
    help: 'WebSockets that are passed on.',
    registers,
    collect() {
      this.set(open.sockets());
    },
  });
  new Gauge({
    name: 'token_relay_gateway_open_streams',
    help: 'Streams of events that are passed on.',
    registers,
    collect() {
      this.set(open.streams());
    },
  });
}
