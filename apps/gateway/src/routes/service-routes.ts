import { type ServiceRoutes } from '@token-relay/service-kit';
import { ADMIN_CONTRACT } from '../admin/admin.controller';
import { WHOAMI_DESTINATION } from './default-routes';
import { type Route } from './route';

/** The gateway's own routes to auth: for sessions, for administration, and for its keys. */
const TO_AUTH = /^\/(?:auth|admin|\.well-known)\//;

/**
 * The routes that lead to a service, by their relay contracts, for the metrics: those of the table, and those of the
 * gateway's own, which go by the contract for the same service though sessions are passed on without one.
 */
export function serviceRoutes(routes: readonly Route[]): ServiceRoutes {
  const contracts = new Map<string, Map<string | undefined, string>>();
  for (const { prefix, methods, contract } of routes) {
    for (const method of methods) {
      let byTemplate = contracts.get(method);
      if (!byTemplate) contracts.set(method, (byTemplate = new Map<string | undefined, string>()));
      byTemplate.set(prefix, contract).set(`${prefix}/*`, contract);
    }
  }
  return {
    contracts: new Set([...routes.map(({ contract }) => contract), ADMIN_CONTRACT, WHOAMI_DESTINATION]),
    contractOf: (method, route) => contracts.get(method)?.get(route) ?? ownContractOf(route),
  };
}

function ownContractOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (TO_AUTH.test(url)) return ADMIN_CONTRACT;
  return url === '/api/whoami' ? WHOAMI_DESTINATION : undefined;
}
