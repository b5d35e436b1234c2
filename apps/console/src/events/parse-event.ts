import { type EventSourceMessage } from 'eventsource-parser';
import { type ConsoleEvent, type ConsoleEventName } from '../api/types';

const NAMES: ReadonlySet<string> = new Set<ConsoleEventName>([
  'verified',
  'exchange',
  'called',
  'keys',
  'revoked',
  'missed',
]);

/** An event of the gateway; undefined for one that this page doesn't know, as an older page has to get along. */
export function parseEvent({ event: name, data }: EventSourceMessage): ConsoleEvent | undefined {
  if (name === undefined || !NAMES.has(name)) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { name, data: value } as ConsoleEvent;
  } catch {
    return undefined;
  }
}
