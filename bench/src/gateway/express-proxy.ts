import express from 'express';
import { Agent } from 'node:http';
import { type AddressInfo } from 'node:net';

/** http-proxy-middleware as its README has it, with connections that are kept. */
export async function httpProxyMiddleware({
  upstream,
}: {
  readonly upstream: string;
}): Promise<{ readonly url: string }> {
  const { createProxyMiddleware } = await import('http-proxy-middleware');
  const app = express();
  app.use(
    '/api',
    createProxyMiddleware({ target: upstream, changeOrigin: true, agent: new Agent({ keepAlive: true }) }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
