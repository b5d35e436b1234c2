import { type FastifyReply } from 'fastify';
import { type Dispatcher } from 'undici';
import { returnedHeaders } from './proxy-headers';

export type UpstreamAnswer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/**
 * Passes an answer back to the client. Nothing is sent before the first of its body has come: until then the upstream
 * can still fail, and the client still be told.
 *
 * @throws whatever `failed` makes of an answer that breaks off before that, or that no HTTP client could read
 */
export async function passOn(
  reply: FastifyReply,
  { statusCode, headers, body }: UpstreamAnswer,
  cookies: 'kept' | 'dropped',
  failed: (cause: unknown) => Error,
): Promise<FastifyReply> {
  // Whatever becomes of it from here on is told by the events below, or by none because nobody cares.
  body.on('error', () => undefined);
  if (statusCode < 200 || statusCode > 599) {
    body.destroy();
    throw failed(new Error(`status ${statusCode}`));
  }
  // They have no body, whatever Content-Length says that another answer would have (RFC 9110, section 8.6).
  const bodiless = statusCode === 204 || statusCode === 304;
  if (bodiless) body.resume();
  const isEmpty = bodiless || (await hasEnded(body, failed));
  reply.status(statusCode).headers(returnedHeaders(headers, cookies));
  return isEmpty ? reply.send() : reply.send(body);
}

/** Whether the body is empty; waits until that is known. */
function hasEnded(body: UpstreamAnswer['body'], failed: (cause: unknown) => Error): Promise<boolean> {
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
  });
}
