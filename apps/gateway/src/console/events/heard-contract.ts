import { type DestinationContract } from '@token-relay/jwt-guard';
import { type GatewayConfig } from '../../gateway.config';

/** By which resource is asked what it has heard: for this service itself, and by no route. */
export const HEARD_CONTRACT = 'console-heard';

/** Nothing where there is no resource. What is exchanged for a user never has this scope. */
export function heardContracts({
  RESOURCE_URL: baseUrl,
}: Pick<GatewayConfig, 'RESOURCE_URL'>): Readonly<Record<string, DestinationContract>> {
  if (baseUrl === undefined) return {};
  return { [HEARD_CONTRACT]: { baseUrl, audience: 'resource', mode: 'exchange', scopes: ['revocations:read'] } };
}
