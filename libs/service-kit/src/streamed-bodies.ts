import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type IncomingMessage } from 'node:http';
import { CLOSE, ruleConnections } from './connection-headers';

/** How long the rest of a body is read and thrown away, after an answer that didn't need it. */
const LINGER_MS = 2_000;

/** Those that were told to send their body. */
const invited = new WeakSet<IncomingMessage>();

/**
 * Leaves every body where it is, as the stream that the request is; whoever wants it, takes it with `takeBody`. A client
 * that asks whether to send it (`Expect: 100-continue`) is told so then, and not before.
 */
export function streamBodies(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  instance.server.on('checkContinue', (request, response) => instance.server.emit('request', request, response));
  // It may still send its body, or the next request: nobody could tell which of them comes (RFC 9110, section 10.1.1).
  ruleConnections(instance, ({ request: { raw } }) => (awaitsInvitation(raw) ? CLOSE : undefined));
  instance.addHook('onResponse', (request, _reply, done) => {
    if (!request.raw.complete) linger(request.raw);
    done();
  });
}

/** The body of a request, which nobody else has read. From now on its client sends it. */
export function takeBody(request: FastifyRequest, reply: FastifyReply): IncomingMessage {
  const { raw } = request;
  if (awaitsInvitation(raw)) {
    invited.add(raw);
    reply.raw.writeContinue();
  }
  return raw;
}

function awaitsInvitation(request: IncomingMessage): boolean {
  const { expect } = request.headers;
  return expect !== undefined && expect.toLowerCase() === '100-continue' && !invited.has(request);
}

/**
 * Closing at once what still sends would take away the answer that the client hasn't read yet; going on reading for as
 * long as it likes, the connection.
 */
function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
  request.resume();
}
