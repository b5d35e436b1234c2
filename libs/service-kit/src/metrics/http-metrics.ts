import { type FastifyInstance } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import { isEndless } from '../endless';
import { onRequestEnd } from '../request-end';
import { ByTexts } from './by-texts';
import { type Count, Distribution, LabelledCounts } from './counts';
import { endLabel, methodLabel, OTHER } from './http-labels';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * What a service is asked over HTTP. Has to see the instance before its first route. Streams, which go on for as long
 * as somebody listens, are counted and not measured.
 */
export function httpMetrics(registry: Registry, instance: FastifyInstance): void {
  const labelNames = ['method', 'route', 'status'];
  const requests = new LabelledCounts(
    registry,
    {
      name: 'token_relay_http_requests_total',
      help: 'Requests by route template and status class, or client_gone, or broken_off.',
    },
    labelNames,
  );
  const seconds = new Distribution(
    registry,
    {
      name: 'token_relay_http_request_duration_seconds',
      help: 'Time from the headers of a request to the end of its answer; without streams.',
    },
    SECONDS,
    [],
    labelNames,
  );
  const known = new ByTexts<{ readonly requests: Count; seconds?: number }>();
  new Gauge({
    name: 'token_relay_http_connections',
    help: 'Open connections to the port of the service.',
    registers: [registry],
    async collect() {
      this.set(await connectionsOf(instance));
    },
  });
  onRequestEnd(instance, ({ request, reply, end, route = OTHER, ms }) => {
    const method = methodLabel(request.method);
    const status = endLabel(reply, end);
    const series = known.of(method, status, route, () => ({ requests: requests.series({ method, route, status }) }));
    series.requests.value++;
    if (isEndless(reply.getHeader('content-type'))) return;
    series.seconds ??= seconds.series({ method, route, status });
    seconds.add(ms / 1000, series.seconds);
  });
}

function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
