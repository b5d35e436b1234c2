import { type FastifyInstance, type FastifyRequest } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import { onRequestEnd } from '../request-end';
import { END_LABELS, endLabel } from './http-labels';

/** The routes of a gateway, as far as they lead to a service. */
export interface ServiceRoutes {
  /** The relay contracts that any of them has. */
  readonly contracts: Iterable<string>;
  /** The relay contract of the route that a request came by; `undefined` for one that leads to no service. */
  contractOf(request: FastifyRequest): string | undefined;
}

/** What is asked by each route of the gateway. Has to see the instance before its first route. */
export function routeMetrics(registry: Registry, instance: FastifyInstance, routes: ServiceRoutes): void {
  const requests = new Counter({
    name: 'token_relay_gateway_requests_total',
    help: 'Requests that came by a route to another service, by its relay contract, and as http_requests_total by status.',
    labelNames: ['contract', 'status'],
    registers: [registry],
  });
  // Of a series that appears at 1 nobody sees that it has risen.
  for (const contract of routes.contracts) for (const status of END_LABELS) requests.inc({ contract, status }, 0);
  onRequestEnd(instance, (request, reply, end) => {
    const contract = routes.contractOf(request);
    if (contract !== undefined) requests.inc({ contract, status: endLabel(reply, end) });
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
