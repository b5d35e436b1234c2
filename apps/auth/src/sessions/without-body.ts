import { type IncomingMessage } from 'node:http';

/**
 * Middleware for routes that need no body: a type that is announced without one is what many clients send with
 * everything, and means nothing.
 */
export function ignoreTypeOfNoBody({ headers }: IncomingMessage, _response: unknown, next: () => void): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  if (length === '0' && encoding === undefined) delete headers['content-type'];
  next();
}
