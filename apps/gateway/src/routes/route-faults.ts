import { type RelayModeName } from '@token-relay/jwt-guard';
import { HEARD_CONTRACT } from '../console/events/heard-contract';
import { RELAY_VIEW_CONTRACTS } from '../console/relay/relay-view-contracts';
import { foldedPath, isBelow } from './folded-path';
import { type PartialFile, type RouteEntry } from './routes-file';

/** What is wrong with a table, and where. Holds no value. */
export interface Fault {
  readonly at: string;
  readonly reason: string;
}

export interface TableRules {
  /** The mode of routes that name none. */
  readonly mode: RelayModeName;
  /** Whether every destination may be forwarded to, as in development. */
  readonly mayForward: boolean;
  /** Where the destination is that says itself no `url`. */
  readonly urlOf: (name: string) => string | undefined;
  /** The destination that is called past all routes too, in this mode, if the table has it. */
  readonly called: string;
}

/** What the gateway itself answers, and what probes and operators ask every service for. */
const OWN = ['/auth', '/admin', '/console', '/demo', '/healthz', '/readyz', '/metrics', '/api/whoami'];
/** Contracts by which the gateway calls past all routes: for operators, and for what the console shows. */
const OWN_DESTINATIONS: ReadonlySet<string> = new Set(['auth', ...RELAY_VIEW_CONTRACTS, HEARD_CONTRACT]);
/** Messages are held as a whole. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;

/** What is wrong with entries that are all right by themselves. */
export function routeFaults({ destinations, routes }: PartialFile, rules: TableRules): Fault[] {
  const ofDestinations = Object.entries(destinations).flatMap(([name, entry]) => [
    ...fault(OWN_DESTINATIONS.has(name), `destinations.${name}`, 'is the gateway’s own'),
    ...fault(entry !== undefined && !(entry.url ?? rules.urlOf(name)), `destinations.${name}.url`, 'is missing'),
    ...fault(
      name === rules.called && entry?.scopes.length === 0 && narrows(rules.mode),
      `destinations.${name}.scopes`,
      `must not be empty: by /api/whoami it is called in mode ${rules.mode}`,
    ),
  ]);
  const ofRoutes = routes.flatMap((route, i) => (route ? faultsOf(route, i, { destinations, routes }, rules) : []));
  return [...ofDestinations, ...ofRoutes];
}

function faultsOf(route: RouteEntry, i: number, { destinations, routes }: PartialFile, rules: TableRules): Fault[] {
  const at = (member: string): string => `routes[${i}].${member}`;
  const isNamed = Object.hasOwn(destinations, route.destination);
  const destination = isNamed ? destinations[route.destination] : undefined;
  const mode = route.mode ?? rules.mode;
  const mayForward = rules.mayForward || destination?.dangerouslyForward === true;
  return [
    ...prefixFaults(route, i, routes),
    ...fault(!isNamed, at('destination'), 'names no destination of this file'),
    ...fault(
      destination !== undefined && mode === 'forward' && !mayForward,
      at('mode'),
      'forward needs dangerouslyForward: true of the destination',
    ),
    ...fault(
      narrows(mode) && destination?.scopes.length === 0,
      at('mode'),
      `${mode} needs scopes of the destination: without them nothing narrows a token`,
    ),
    ...fault(new Set(route.methods).size < route.methods.length, at('methods'), 'names a method twice'),
    ...fault(
      route.methods.includes('HEAD') && !route.methods.includes('GET'),
      at('methods'),
      'has HEAD without GET, which it comes with',
    ),
    ...fault(
      route.webSocket && !route.methods.includes('GET'),
      at('webSocket'),
      'needs GET, by which sockets are opened',
    ),
    ...fault(
      route.webSocket && (route.maxBodyBytes ?? 0) > LARGEST_MESSAGE_BYTES,
      at('maxBodyBytes'),
      `must be ${LARGEST_MESSAGE_BYTES} at most for sockets, whose messages are held in memory`,
    ),
  ];
}

function prefixFaults(
  { prefix, methods }: RouteEntry,
  i: number,
  routes: readonly (RouteEntry | undefined)[],
): Fault[] {
  const at = `routes[${i}].prefix`;
  const folded = foldedPath(prefix);
  const isEarlier = (is: (other: RouteEntry) => boolean): number => {
    const found = routes.findIndex((other) => other !== undefined && is(other));
    return found < i ? found : -1;
  };
  const lookalike = isEarlier((other) => other.prefix !== prefix && foldedPath(other.prefix) === folded);
  const twin = isEarlier((other) => other.prefix === prefix && other.methods.some((name) => methods.includes(name)));
  return [
    ...fault(
      OWN.some((own) => isBelow(folded, own)),
      at,
      'is one of the gateway’s own routes',
    ),
    ...fault(lookalike >= 0, at, `is routes[${lookalike}].prefix to a server that looks less closely`),
    ...fault(twin >= 0, at, `stands in routes[${twin}] already, for the same method`),
  ];
}

/** Whether the destination gets a token that says less than the caller's. */
function narrows(mode: RelayModeName): boolean {
  return mode === 'exchange' || mode === 'transaction';
}

function fault(isOne: boolean, at: string, reason: string): Fault[] {
  return isOne ? [{ at, reason }] : [];
}
