import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

/** The feed of an issuer that has revoked nothing: for services that are tested without auth. */
export class EmptyFeed {
  private constructor(private readonly server: Server) {}

  static async start(issuer: string): Promise<EmptyFeed> {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`event: hello\ndata: ${JSON.stringify({ issuer, version: 1 })}\n\n`);
      response.write('event: snapshot-end\nid: empty.0\ndata: {"ageMs":0}\n\n');
      const beat = () => response.write('event: heartbeat\ndata: {"ageMs":0}\n\n');
      beat();
      const beating = setInterval(beat, 1_000);
      response.once('close', () => clearInterval(beating));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new EmptyFeed(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/revocations/feed`;
  }

  async stop(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    this.server.closeAllConnections();
    await closed;
  }
}
