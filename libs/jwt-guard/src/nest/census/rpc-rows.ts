import { type FoundHandler } from './handlers';
import { type CensusRow } from './policy-census';
import { type RowMaker } from './row-maker';
import { transportName, type WatchedServer } from './rpc-servers';

const REMEDY = 'its server is without the global guards: connectMicroservice(…, { inheritAppConfig: true })';

/** Of messages and events, on every server that they come in by; and of what a server was given past Nest. */
export function rpcRows(
  handlers: readonly FoundHandler[],
  servers: readonly WatchedServer[],
  make: RowMaker,
): CensusRow[] {
  const ofControllers = handlers.flatMap((found) => {
    if (found.kind !== 'rpc') return [];
    const reachedBy = servers.filter((server) => isFor(found, server));
    // Where no server is connected nobody can call it, yet.
    return (reachedBy.length > 0 ? reachedBy : [undefined]).flatMap((server) =>
      found.patterns.map((pattern) => {
        const transport = transportName(server ? server.transportId : found.transportId);
        const entry = messageEntry(found.isEvent ? 'event' : 'message', pattern);
        return make.handler(transport, entry, found, { guarded: server?.guarded !== false, remedy: REMEDY });
      }),
    );
  });
  const pastNest = servers.flatMap((server) =>
    [...server.patterns].flatMap(([pattern, count]) => {
      const ofNest = handlers.filter(
        (found) =>
          found.kind === 'rpc' &&
          isFor(found, server) &&
          found.patterns.some((known) => JSON.stringify(known) === pattern),
      );
      if (count <= ofNest.length) return [];
      return [make.pastNest(transportName(server.transportId), messageEntry('message', patternOf(pattern)))];
    }),
  );
  return [...ofControllers, ...pastNest];
}

function isFor(found: FoundHandler & { kind: 'rpc' }, { transportId }: WatchedServer): boolean {
  return found.transportId === undefined || transportId === undefined || found.transportId === transportId;
}

function messageEntry(kind: 'message' | 'event', pattern: unknown): string {
  return `${kind} ${typeof pattern === 'string' ? pattern : JSON.stringify(pattern)}`;
}

/** A pattern as the servers keep it. */
function patternOf(key: string): unknown {
  try {
    return JSON.parse(key);
  } catch {
    return key;
  }
}
