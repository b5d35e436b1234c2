// Whether the service in this container can answer: by its own word, on the port that has no TLS.
const { METRICS_PORT = '9464' } = process.env;

try {
  const { status } = await fetch(`http://127.0.0.1:${METRICS_PORT}/readyz`, { signal: AbortSignal.timeout(2_500) });
  process.exitCode = status === 200 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
