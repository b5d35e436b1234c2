import { type FastifyReply } from 'fastify';
import { type RequestEnd } from '../request-end';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Of whatever a client makes up. */
export const OTHER = 'other';

export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}

const CLASSES: readonly (string | undefined)[] = [undefined, '1xx', '2xx', '3xx', '4xx', '5xx'];

/** `2xx` for 204, and the like. */
export function statusClass(status: number): string {
  return CLASSES[Math.floor(status / 100)] ?? OTHER;
}

/** All that `endLabel` says. */
export const END_LABELS = ['1xx', '2xx', '3xx', '4xx', '5xx', 'client_gone', 'broken_off'] as const;

/** The class of the status that was answered, or why nobody got all of the answer. */
export function endLabel({ statusCode }: FastifyReply, end: RequestEnd): string {
  return end === 'answered' ? statusClass(statusCode) : end;
}
