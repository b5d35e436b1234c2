import { type HttpAdapterHost } from '@nestjs/core';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { FrontDoor } from './front-door';

describe('FrontDoor', () => {
  let server: Server;
  let door: FrontDoor;

  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === '/gone') response.destroy();
      else if (request.url === '/large') response.end('x'.repeat(300 * 1024));
      else if (request.url === '/refused') response.writeHead(401).end('{"code":"token_expired","detail":"d"}');
      else response.setHeader('set-cookie', ['a=b; Path=/; HttpOnly', 'c=d']).end('null');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = { httpAdapter: { getHttpServer: () => server } } as unknown as HttpAdapterHost;
    door = new FrontDoor(host, { UPSTREAM_TIMEOUT_MS: 1_000 });
  });
  afterEach(async () => {
    await door.onApplicationShutdown();
    await new Promise((resolve) => server.close(resolve));
  });

  const send = (path: string, signal = AbortSignal.timeout(5_000)) =>
    door.send({ method: 'GET', path, headers: {} }, signal);

  it('tells what was answered, with the code of a problem, and cookies without their attributes', async () => {
    expect(await send('/refused')).toMatchObject({ status: 401, code: 'token_expired', detail: 'd', cookies: [] });
    expect(await send('/')).toEqual({ status: 200, text: 'null', cookies: ['a=b', 'c=d'] });
  });

  it('sends the host that it is told, and never leaves this machine', async () => {
    const hosts: (string | undefined)[] = [];
    server.prependListener('request', ({ headers }) => void hosts.push(headers.host));
    const forged = { method: 'GET', path: 'http://evil.test/', headers: { host: 'evil.test' } } as const;
    const { status } = await door.send(forged, AbortSignal.timeout(5_000));
    expect(status).toBe(200);
    await send('/');
    expect(hosts).toEqual(['evil.test', `127.0.0.1:${(server.address() as AddressInfo).port}`]);
  });

  it.each(['/gone', '/large'])('says that it could not be tried when there is no answer to take: %s', async (path) => {
    await expect(send(path)).rejects.toMatchObject({ code: 'attack_not_ready' });
  });

  it('says nothing to who has gone', async () => {
    await expect(send('/', AbortSignal.abort(new Error('the client has gone')))).rejects.toThrow('the client has gone');
  });
});
