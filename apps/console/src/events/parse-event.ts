import { type ConsoleEvent, type ConsoleEventName } from '../api/types';
import { type SseEvent } from './sse-parser';

const NAMES: ReadonlySet<string> = new Set<ConsoleEventName>([
  'verified',
  'exchange',
  'called',
  'keys',
  'revoked',
  'missed',
]);

/** An event of the gateway; undefined for one that this page doesn't know, as an older page has to get along. */
export function parseEvent({ name, data }: SseEvent): ConsoleEvent | undefined {
  if (!NAMES.has(name)) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { name, data: value } as ConsoleEvent;
  } catch {
    return undefined;
  }
}
