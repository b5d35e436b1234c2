import { ConfigurableModuleBuilder } from '@nestjs/common';

/** How a destination is to be called: one contract each. */
export interface DestinationContract {
  /** What the destination calls itself: the `aud` of the tokens that it gets. */
  readonly audience: string;
  /** `exchange`: a token of its own for each destination (RFC 8693). */
  readonly mode: 'exchange';
  /** The most that a token for it may hold; a caller who has less gets less. */
  readonly scopes: readonly string[];
  /** For a destination over HTTP: its origin. */
  readonly baseUrl?: string;
}

export interface RelayOptions {
  /** The issuer's token endpoint. */
  readonly tokenEndpoint: string;
  /** This service, as the issuer knows it. */
  readonly clientId: string;
  /** The secret that this service shares with the issuer. */
  readonly clientSecret: string;
  /**
   * Takes a `tokenEndpoint` and `baseUrl`s without TLS: the client secret and all tokens cross the network in clear.
   * Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
  /** By name. There is no way to call anything else with a token. */
  readonly destinations: Readonly<Record<string, DestinationContract>>;
  /** How long a destination may take to answer, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

export const { ConfigurableModuleClass: RelayModuleBase, MODULE_OPTIONS_TOKEN: RELAY_OPTIONS } =
  new ConfigurableModuleBuilder<RelayOptions>({ moduleName: 'Relay' })
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();

/** @throws TypeError naming the option that is missing or makes no sense */
export function resolveRelayOptions(options: RelayOptions): Required<RelayOptions> {
  const { dangerouslyAllowHttp = false, timeoutMs = 10_000 } = options;
  secureUrl('tokenEndpoint', options.tokenEndpoint, dangerouslyAllowHttp);
  if (!options.clientId || !options.clientSecret) throw new TypeError('clientId, clientSecret: required');
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) throw new TypeError('timeoutMs: must be a positive integer');
  const destinations = Object.entries(options.destinations).map(
    ([name, contract]) => [name, resolveContract(`destinations.${name}`, contract, dangerouslyAllowHttp)] as const,
  );
  return Object.freeze({
    ...options,
    dangerouslyAllowHttp,
    timeoutMs,
    destinations: Object.freeze(Object.fromEntries(destinations)),
  });
}

function resolveContract(name: string, contract: DestinationContract, allowHttp: boolean): DestinationContract {
  if (!contract.audience) throw new TypeError(`${name}.audience: required`);
  if ((contract.mode as string) !== 'exchange') throw new TypeError(`${name}.mode: must be exchange`);
  if (contract.scopes.length === 0) throw new TypeError(`${name}.scopes: at least one is required`);
  const scopes = Object.freeze([...contract.scopes]);
  if (contract.baseUrl === undefined) return Object.freeze({ ...contract, scopes });
  const { origin, pathname, search } = secureUrl(`${name}.baseUrl`, contract.baseUrl, allowHttp);
  if (pathname !== '/' || search !== '') throw new TypeError(`${name}.baseUrl: must be an origin, without a path`);
  return Object.freeze({ ...contract, scopes, baseUrl: origin });
}

function secureUrl(name: string, value: string, allowHttp: boolean): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && allowHttp)) return url;
  throw new TypeError(`${name}: must be an https URL (or dangerouslyAllowHttp be set)`);
}
