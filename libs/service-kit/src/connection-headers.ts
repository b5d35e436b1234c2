import { type FastifyInstance, type FastifyReply } from 'fastify';
import { type OutgoingHttpHeaders, type Server } from 'node:http';

/** Says of the connection of an answer what it has to say; `undefined` where that is nothing. */
export type ConnectionRule = (reply: FastifyReply) => Readonly<Record<string, string>> | undefined;

export const CLOSE = Object.freeze({ connection: 'close' });

/** What is sooner copied than sent beside its headers, in bytes. */
const MOST_COPIED = 16 * 1024;

const rules = new WeakMap<Server, ConnectionRule[]>();

/** Has every answer say of its connection what the rule says. Of several rules the first that says something counts. */
export function ruleConnections(instance: FastifyInstance, rule: ConnectionRule): void {
  const known = rules.get(instance.server);
  if (known) return void known.push(rule);
  rules.set(instance.server, [rule]);
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    const told = connectionHeaders(reply);
    if (told) reply.headers(told);
    done();
  });
}

/**
 * Sends an answer of which all is there: one write, past what Fastify does with an answer, which takes longer than that. Its
 * body is sent as it is.
 *
 * @throws TypeError for headers that can't be sent: then nothing was, and another answer may be
 */
export function sendWhole(reply: FastifyReply, statusCode: number, headers: OutgoingHttpHeaders, body: Buffer): void {
  const { raw } = reply;
  const all: OutgoingHttpHeaders = reply.getHeaders() as OutgoingHttpHeaders;
  Object.assign(all, headers, connectionHeaders(reply));
  all['content-length'] = body.length;
  raw.writeHead(statusCode, all);
  reply.hijack();
  // A text goes out with the headers, in one piece; in latin1 every character is a byte.
  if (body.length <= MOST_COPIED) raw.end(body.toString('latin1'), 'latin1');
  else raw.end(body);
}

function connectionHeaders(reply: FastifyReply): Readonly<Record<string, string>> | undefined {
  for (const rule of rules.get(reply.server.server) ?? []) {
    const told = rule(reply);
    if (told) return told;
  }
  return undefined;
}
