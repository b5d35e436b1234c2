import { type DestinationContract } from '@token-relay/jwt-guard';
import { type GatewayConfig } from '../../gateway.config';
import { DEFAULT_ROUTES, WHOAMI_DESTINATION } from '../../routes/default-routes';

export const RELAY_VIEW_MODES = ['exchange', 'transaction', 'forward'] as const;
export type RelayViewMode = (typeof RELAY_VIEW_MODES)[number];

/** What the call that is shown is good for: the token gets narrower than any route would make it. */
const NEEDED = ['documents:read'];

type ContractsConfig = Pick<GatewayConfig, 'RESOURCE_URL' | 'NODE_ENV' | 'DANGEROUSLY_FORWARD'>;

/** The relay contract by which resource is called to show a mode; no route of a table has it. */
export function relayContractOf(mode: RelayViewMode): `console-${RelayViewMode}` {
  return `console-${mode}`;
}

/** All of them, whichever there are here. */
export const RELAY_VIEW_CONTRACTS: readonly string[] = RELAY_VIEW_MODES.map((mode) => relayContractOf(mode));

/** Whom people know behind a relay contract: those of the view are all resource, others go by their own names. */
export function serviceOfContract(name: string): string {
  return RELAY_VIEW_CONTRACTS.includes(name) ? WHOAMI_DESTINATION : name;
}

/**
 * Resource once more, by a contract for each mode: the same call can be seen in all of them, whichever the routes have.
 * None where nobody has said where resource is; and without the one that hands users' tokens over where that isn't
 * allowed.
 */
export function relayViewContracts(config: ContractsConfig): Readonly<Record<string, DestinationContract>> {
  const { RESOURCE_URL: baseUrl } = config;
  if (baseUrl === undefined) return {};
  const mayForward = config.NODE_ENV === 'development' || config.DANGEROUSLY_FORWARD;
  const { audience = WHOAMI_DESTINATION } = DEFAULT_ROUTES.destinations[WHOAMI_DESTINATION] ?? {};
  const contracts = RELAY_VIEW_MODES.filter((mode) => mode !== 'forward' || mayForward).map((mode) => {
    const contract = {
      baseUrl,
      audience,
      scopes: NEEDED,
      mode,
      ...(mode === 'forward' && { dangerouslyForward: true }),
    };
    return [relayContractOf(mode), contract] as const;
  });
  return Object.fromEntries(contracts);
}
