import { request } from 'node:http';
import { BuiltConsole } from './built-console';
import { GatewayApp } from './gateway-app';

/** What the demo tells whoever asks. */
const ROUTES: readonly [method: string, path: string][] = [
  ['GET', '/demo/accounts'],
  ['POST', '/console/api/inspect'],
  ['GET', '/console/api/events'],
  ['GET', '/console/api/attacks'],
  ['POST', '/console/api/attacks/alg-none'],
];

describe('the demo, asked by a name', () => {
  const built = new BuiltConsole();
  let gateway: GatewayApp;
  let token: string;

  beforeAll(async () => {
    gateway = await GatewayApp.start({
      service: (_request, response) => void response.end('{"hops":[]}'),
      environment: built.demo,
      consoleFolder: built.folder,
    });
    token = await gateway.token();
  });
  afterAll(async () => {
    await gateway.stop();
    built.remove();
  });

  /** `fetch` sets `Host` itself. */
  const statusOf = (method: string, path: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      request(gateway.url + path, { method, headers, agent: false }, (answer) => {
        resolve(answer.statusCode);
        // A stream of events has no end.
        answer.destroy();
      })
        .on('error', reject)
        .end(method === 'POST' ? JSON.stringify({ token }) : undefined);
    });

  describe.each(ROUTES)('%s %s', (method, path) => {
    it.each(['localhost:3000', 'LOCALHOST', '127.0.0.1', '127.0.0.1:3000'])('answers to %s', async (host) => {
      expect(await statusOf(method, path, host)).toBe(200);
    });

    it.each([
      'evil.test',
      'evil.test:3000',
      'localhost.evil.test',
      '127.0.0.1.evil.test',
      'evil-localhost',
      '127.0.0.11',
      '0.0.0.0:3000',
      '[::1]:3000',
    ])('is not there for %s', async (host) => {
      expect(await statusOf(method, path, host)).toBe(404);
    });
  });
});
