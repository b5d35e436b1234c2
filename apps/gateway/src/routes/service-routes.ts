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
  const contracts = new Map<string, string>(
    routes.flatMap(({ prefix, methods, contract }) =>
      methods.flatMap((method) => [
        [`${method} ${prefix}`, contract] as const,
        [`${method} ${prefix}/*`, contract] as const,
      ]),
    ),
  );
  return {
    contracts: new Set([...contracts.values(), ADMIN_CONTRACT, WHOAMI_DESTINATION]),
    contractOf: (method, route) => contracts.get(`${method} ${route}`) ?? ownContractOf(route),
  };
}

function ownContractOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (TO_AUTH.test(url)) return ADMIN_CONTRACT;
  return url === '/api/whoami' ? WHOAMI_DESTINATION : undefined;
}
