import { type FastifyReply } from 'fastify';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { goneSignal } from './gone';

describe('the signal that a client has gone', () => {
  let server: Server;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  async function called(): Promise<{ leave: () => void; response: ServerResponse; signal: AbortSignal }> {
    const { port } = server.address() as AddressInfo;
    const asked = get({ port, host: '127.0.0.1', agent: false }).on('error', () => undefined);
    asked.on('response', (answer) => answer.resume());
    const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const signal = goneSignal({ raw: response, request: { raw: request } } as unknown as FastifyReply);
    return { leave: () => asked.destroy(), response, signal };
  }

  it('comes when it leaves before its answer', async () => {
    const { leave, signal } = await called();
    expect(signal.aborted).toBe(false);
    leave();
    await once(signal, 'abort');
  });

  it('comes when it leaves in the middle of its answer', async () => {
    const { leave, response, signal } = await called();
    response.write('a part');
    leave();
    await once(signal, 'abort');
  });

  it('does not come when the answer was complete', async () => {
    const { response, signal } = await called();
    response.end('all');
    await once(response, 'close');
    expect(signal.aborted).toBe(false);
  });
});
