import { type RevocationEntry } from '@token-relay/jwt-guard';
import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { type RevocationLog } from './revocation-log';

const HEARTBEAT_MS = 1_000;
const SNAPSHOT_PART = 500;
const EVENTS_AT_ONCE = 500;
/** Past this age the copy isn't vouched for any more. */
export const LARGEST_AGE_SECONDS = 2;

/**
 * Writes the feed to one subscriber, as fast as that one reads: first what it doesn't have, then what comes. Ends when
 * the subscriber does, or when it has to begin anew.
 *
 * @param lastEventId up to where the subscriber has everything
 * @param signal ends it
 */
export async function writeFeed(
  response: ServerResponse,
  log: RevocationLog,
  { issuer, lastEventId, signal }: { issuer: string; lastEventId: string | undefined; signal: AbortSignal },
): Promise<void> {
  const write = async (event: string, data: unknown, id?: string): Promise<void> => {
    const text = `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
    if (!response.write(text)) await once(response, 'drain', { signal });
  };
  /** As of when, by the monotonic clock, everything that is revoked is known here. */
  const completeAsOf = (): number => performance.now() - log.ageSeconds * 1000;
  const ageMs = (asOf = completeAsOf()): number => Math.ceil(performance.now() - asOf);

  await write('hello', { issuer, version: 1 });
  let { streamId, n } = positionOf(lastEventId);
  if (log.events.after(streamId, n, 0) === undefined) {
    ({ streamId, last: n } = log.events);
    // Both before the first entry: what comes while these are written is behind this position.
    const asOf = completeAsOf();
    for (const entries of parts(log.entries())) await write('snapshot', { entries });
    await write('snapshot-end', { ageMs: ageMs(asOf) }, `${streamId}.${n}`);
  }
  let heartbeatAt = 0;
  while (!signal.aborted) {
    const events = log.events.after(streamId, n, EVENTS_AT_ONCE);
    if (!events) return write('renewed', {});
    for (const { entry, n: number } of events) {
      const id = `${streamId}.${number}`;
      if (entry.kind === 'keys') await write('keys-changed', { version: entry.version }, id);
      else await write('revoked', entry, id);
    }
    n += events.length;
    if (events.length > 0) continue;
    const now = performance.now();
    if (now >= heartbeatAt) {
      heartbeatAt = now + HEARTBEAT_MS;
      if (log.ageSeconds <= LARGEST_AGE_SECONDS) await write('heartbeat', { ageMs: ageMs() });
      continue;
    }
    await nextEvents(log, heartbeatAt - now, signal);
  }
}

/** `<streamId>.<n>` */
function positionOf(eventId: string | undefined): { streamId: string; n: number } {
  const [, streamId = '', n = ''] = /^([\w-]+)\.(\d{1,15})$/.exec(eventId ?? '') ?? [];
  return { streamId, n: Number(n) };
}

function* parts(entries: Iterable<RevocationEntry>): Generator<readonly RevocationEntry[]> {
  let part: RevocationEntry[] = [];
  for (const entry of entries) {
    part.push(entry);
    if (part.length < SNAPSHOT_PART) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

async function nextEvents(log: RevocationLog, limitMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stopListening();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, limitMs);
    const stopListening = log.onEvents(end);
    signal.addEventListener('abort', end, { once: true });
  });
}
