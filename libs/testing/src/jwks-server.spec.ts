import { JwksServer } from './jwks-server';

describe('JwksServer', () => {
  it('answers what it is told to, counts, and can be silent', async () => {
    const server = await JwksServer.start({ keys: [] });
    expect(await (await fetch(server.url)).json()).toEqual({ keys: [] });
    server.status = 500;
    server.body = 'text';
    const failed = await fetch(server.url);
    expect([failed.status, await failed.text()]).toEqual([500, 'text']);
    server.hangs = true;
    await expect(fetch(server.url, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    expect(server.requests).toBe(3);
    await server.stop();
  });
});
