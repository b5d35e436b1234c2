import { type FastifyInstance } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import { onRequestEnd } from '../request-end';
import { type Count, LabelledCounts } from './counts';
import { END_LABELS, endLabel } from './http-labels';

/** The routes of a gateway, as far as they lead to a service. */
export interface ServiceRoutes {
  /** The relay contracts that any of them has. */
  readonly contracts: Iterable<string>;
  /**
   * The relay contract of a route; `undefined` for one that leads to no service.
   *
   * @param route its template; `undefined` where there is none
   */
  contractOf(method: string, route: string | undefined): string | undefined;
}

/** What is asked by each route of the gateway. Has to see the instance before its first route. */
export function routeMetrics(registry: Registry, instance: FastifyInstance, routes: ServiceRoutes): void {
  const requests = new LabelledCounts(
    registry,
    {
      name: 'token_relay_gateway_requests_total',
      help: 'Requests that came by a route to another service, by its relay contract, and as http_requests_total by status.',
    },
    ['contract', 'status'],
  );
  // Of a series that appears at 1 nobody sees that it has risen.
  const known = new Map(
    [...routes.contracts].map((contract) => [
      contract,
      new Map<string, Count>(END_LABELS.map((status) => [status, requests.series({ contract, status })])),
    ]),
  );
  onRequestEnd(instance, ({ request: { method }, reply, end, route }) => {
    const contract = routes.contractOf(method, route);
    const count = contract === undefined ? undefined : known.get(contract)?.get(endLabel(reply, end));
    if (count) count.value++;
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
