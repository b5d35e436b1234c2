import pino from 'pino';
import { shortened } from './shortened';

/** Members of errors with what somebody has sent, as bytes: undici's `HTTPParserError`, Node's `clientError`. */
const SENT = new Set(['data', 'rawPacket']);
/** In characters. */
const LONGEST = 16_384;

/** What a line says of an error: as pino does, without what it was that could not be read. */
export function errorFields(clean: (text: string) => string): (error: Error) => unknown {
  const told = (value: unknown): unknown => {
    if (typeof value === 'string') return shortened(value, clean, LONGEST);
    if (Array.isArray(value)) return value.map(told);
    if (!isError(value)) return value;
    const members = Object.entries(value).filter(([name]) => !SENT.has(name));
    return Object.fromEntries(members.map(([name, member]) => [name, told(member)]));
  };
  return (error) => told(pino.stdSerializers.err(error));
}

/** An error, or what pino has made of one. */
function isError(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
}
