import { type FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { isEndless } from '../endless';
import { onRequestEnd } from '../request-end';
import { endLabel, methodLabel, OTHER } from './http-labels';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * What a service is asked over HTTP. Has to see the instance before its first route. Streams, which go on for as long
 * as somebody listens, are counted and not measured.
 */
export function httpMetrics(registry: Registry, instance: FastifyInstance): void {
  const registers = [registry];
  const labelNames = ['method', 'route', 'status'];
  const requests = new Counter({
    name: 'token_relay_http_requests_total',
    help: 'Requests by route template and status class, or client_gone, or broken_off.',
    labelNames,
    registers,
  });
  const seconds = new Histogram({
    name: 'token_relay_http_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its answer; without streams.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: 'token_relay_http_connections',
    help: 'Open connections to the port of the service.',
    registers,
    async collect() {
      this.set(await connectionsOf(instance));
    },
  });
  onRequestEnd(instance, ({ method, routeOptions }, reply, end) => {
    const route = routeOptions.url ?? OTHER;
    const labels = { method: methodLabel(method), route, status: endLabel(reply, end) };
    requests.inc(labels);
    if (!isEndless(reply.getHeader('content-type'))) seconds.observe(labels, reply.elapsedTime / 1000);
  });
}

function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
