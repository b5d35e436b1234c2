import { isEndless, sendWhole } from '@token-relay/service-kit';
import { type FastifyReply } from 'fastify';
import { type IncomingHttpHeaders } from 'node:http';
import { type Readable } from 'node:stream';
import { type Headers } from './proxy-headers';
import { countPassed } from './spent-buffers';

export interface UpstreamAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** All of the body, where it is here already; `body` mustn't be asked for then. */
  readonly whole?: Buffer | undefined;
  readonly body: Readable;
}

/** How an answer is passed back. */
export interface Passing {
  /** What of the service's headers the client is to see. */
  readonly headers: Headers;
  /** How long nothing of it may move, whoever keeps it waiting, in milliseconds. */
  readonly idleMs: number;
  /** What it is when the answer breaks off before its body, or when no HTTP client could read it. */
  readonly failed: (cause: unknown) => Error;
}

/** Nothing came, or nobody took it. */
export class AnswerIdle extends Error {
  override readonly name = 'AnswerIdle';
}

/**
 * Passes an answer back to the client. Nothing is sent before the first of its body has come: until then the upstream
 * can still fail, and the client still be told.
 *
 * @throws whatever `failed` makes of an answer that breaks off before that, or that no HTTP client could read
 */
export function passOn(
  reply: FastifyReply,
  answer: UpstreamAnswer,
  passing: Passing,
): FastifyReply | Promise<FastifyReply> {
  const { statusCode, whole } = answer;
  if (whole && whole.length > 0 && isOrdinary(answer)) return sendAtOnce(reply, statusCode, whole, passing);
  return passAsItComes(reply, answer, passing);
}

async function passAsItComes(reply: FastifyReply, answer: UpstreamAnswer, passing: Passing): Promise<FastifyReply> {
  const { statusCode, body } = answer;
  const { headers, idleMs, failed } = passing;
  // Whatever becomes of it from here on is told by the events below, or by none because nobody cares.
  body.on('error', ignore);
  refuseOddStatus(statusCode, body, failed);
  // They have no body, whatever Content-Length says that another answer would have (RFC 9110, section 8.6).
  const bodiless = statusCode === 204 || statusCode === 304;
  if (bodiless) body.resume();
  // The connection's own clock: it sees every byte that a client takes, however slowly, and is stopped with the answer.
  reply.raw.setTimeout(idleMs, () => body.destroy(new AnswerIdle('nothing moved')));
  const isEmpty = bodiless || (await hasEnded(body, failed));
  reply.status(statusCode).headers(headers);
  // Of what has no body a length would be that of the next answer (RFC 9110, section 8.6).
  if (statusCode === 204) reply.removeHeader('content-length');
  // What Fastify is given nothing for in answer to HEAD, it says to be of no length.
  if (isEmpty && reply.request.method !== 'HEAD') return reply.send();
  reply.raw.once('pipe', () => body.on('data', countChunk));
  return reply.send(body);
}

/** Of 1xx there is none that could be an answer (RFC 9110, section 15). */
export function refuseOddStatus(statusCode: number, body: Readable, failed: Passing['failed']): void {
  if (statusCode >= 200 && statusCode <= 599) return;
  body.destroy();
  throw failed(new Error(`status ${statusCode}`));
}

/** Whether it has a body as any other, and is none of those that are told of as streams. */
function isOrdinary({ statusCode, headers }: UpstreamAnswer): boolean {
  if (statusCode < 200 || statusCode > 599 || statusCode === 204 || statusCode === 304) return false;
  const type = headers['content-type'];
  return type === 'application/json' || !isEndless(type);
}

function sendAtOnce(
  reply: FastifyReply,
  statusCode: number,
  body: Buffer,
  { headers, idleMs, failed }: Passing,
): FastifyReply {
  try {
    sendWhole(reply, statusCode, headers, body);
  } catch (error) {
    throw failed(error);
  }
  const { raw } = reply;
  // As a rule the system has taken all of it; where it has not, the client has to.
  if (!raw.writableEnded || raw.writableLength > 0) raw.setTimeout(idleMs, () => raw.destroy());
  return reply;
}

/** Whether the body is empty; waits until that is known. */
function hasEnded(body: Readable, failed: (cause: unknown) => Error): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const known = (settle: () => void): void => {
      // Every body closes in the end.
      for (const [event, listener] of listeners) body.off(event, listener);
      settle();
    };
    const listeners: [event: string, listener: (cause?: unknown) => void][] = [
      ['readable', () => known(() => resolve(body.readableLength === 0))],
      ['end', () => known(() => resolve(true))],
      ['error', (cause) => known(() => reject(failed(cause)))],
      ['close', () => known(() => reject(failed(new Error('closed'))))],
    ];
    for (const [event, listener] of listeners) body.on(event, listener);
    // It has broken off while it was looked at.
    if (body.destroyed) listeners[body.errored ? 2 : 3]?.[1](body.errored);
  });
}

const ignore = (): void => undefined;
const countChunk = (chunk: Buffer): void => countPassed(chunk.length);
