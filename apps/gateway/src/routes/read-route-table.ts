import { parseStrictObject } from '@token-relay/jwt-guard';
import { ConfigError } from '@token-relay/service-kit';
import { readFileSync } from 'node:fs';
import { type GatewayConfig } from '../gateway.config';
import { DEFAULT_ROUTES, WHOAMI_DESTINATION } from './default-routes';
import { type Fault, routeFaults } from './route-faults';
import { RouteTable, type TableDefaults } from './route-table';
import { type RoutesFile, routesFile, whatIsInOrder } from './routes-file';

export type TableConfig = Pick<
  GatewayConfig,
  'ROUTES_FILE' | 'RESOURCE_URL' | 'RELAY_MODE' | 'UPSTREAM_TIMEOUT_MS' | 'NODE_ENV' | 'DANGEROUSLY_FORWARD'
>;

/**
 * The table in `ROUTES_FILE`, or the one that there is without it.
 *
 * @throws ConfigError with all that is wrong with it at once, and no value of it
 */
export function readRouteTable(config: TableConfig): RouteTable {
  const defaults: TableDefaults = {
    mode: config.RELAY_MODE,
    mayForward: config.NODE_ENV === 'development' || config.DANGEROUSLY_FORWARD,
    urlOf: (name) => (name === WHOAMI_DESTINATION ? config.RESOURCE_URL : undefined),
    called: WHOAMI_DESTINATION,
    timeoutMs: config.UPSTREAM_TIMEOUT_MS,
  };
  const file = config.ROUTES_FILE === undefined ? DEFAULT_ROUTES : parsed(config.ROUTES_FILE, defaults);
  return new RouteTable(file, defaults);
}

function parsed(path: string, defaults: TableDefaults): RoutesFile {
  const content = contentOf(path);
  const { data, error } = routesFile.safeParse(content);
  const faults = (error?.issues ?? []).map((issue) => ({ at: placeOf(issue.path), reason: issue.message }));
  // What is in order by itself is looked at too: nobody wants to hear of the next fault after each start.
  refuse([...faults, ...routeFaults(data ?? whatIsInOrder(content), defaults)]);
  if (!data) throw new ConfigError([{ name: 'ROUTES_FILE', reason: 'is refused' }]);
  return data;
}

function contentOf(path: string): object {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch {
    throw new ConfigError([{ name: 'ROUTES_FILE', reason: 'can not be read' }]);
  }
  const parsed = parseStrictObject(content);
  if (parsed) return parsed;
  throw new ConfigError([{ name: 'ROUTES_FILE', reason: 'must be a JSON object, in which no member stands twice' }]);
}

/** `routes[2].prefix` */
function placeOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return steps.join('').replace(/^\./, '');
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  throw new ConfigError(faults.map(({ at, reason }) => ({ name: `ROUTES_FILE ${at}`.trim(), reason })));
}
