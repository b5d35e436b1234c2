import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { waitFor } from './wait-for';

describe('waitFor', () => {
  let server: Server;
  let url: string;
  let status = 200;
  let asked = 0;

  beforeEach(async () => {
    asked = 0;
    status = 200;
    server = createServer((_request, response) => {
      asked++;
      response.statusCode = asked > 2 ? 200 : status;
      response.end(JSON.stringify({ service: 'auth', status: 'ready' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('asks until each is ready, and says so in a line', async () => {
    status = 503;
    const said: string[] = [];
    await waitFor([{ name: 'auth', url }], (line) => said.push(line), { limitMs: 5_000 });
    expect(asked).toBe(3);
    expect(said).toEqual([`auth      ready  ${new URL(url).origin}`]);
  });

  it('gives up in the end, and names what is missing and what was heard of it', async () => {
    const waiting = waitFor(
      [
        { name: 'auth', url },
        { name: 'audit', url: 'http://127.0.0.1:9/readyz' },
      ],
      () => undefined,
      { limitMs: 300 },
    );
    await expect(waiting).rejects.toThrow('not ready after 0.3 s: audit (http://127.0.0.1:9/readyz:');
  });

  it('does not take a stranger for the service', async () => {
    const waiting = waitFor([{ name: 'audit', url }], () => undefined, { limitMs: 300 });
    await expect(waiting).rejects.toThrow('something else listens there');
  });

  it('waits for nothing where nothing is named', async () => {
    await expect(waitFor([], () => undefined)).resolves.toBeUndefined();
  });
});
