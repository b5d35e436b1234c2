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
  readonly clientSecret: string;
  /** Takes a `tokenEndpoint` without TLS: the client secret and all tokens cross the network in clear. */
  readonly dangerouslyAllowHttp?: boolean;
  /** By name. There is no way to call anything else with a token. */
  readonly destinations: Readonly<Record<string, DestinationContract>>;
  /** How long a destination may take to answer, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

export const RELAY_OPTIONS = Symbol('token-relay.relay-options');

/** @throws TypeError naming the option that is missing or makes no sense */
export function resolveRelayOptions(options: RelayOptions): Required<RelayOptions> {
  const { dangerouslyAllowHttp = false, timeoutMs = 10_000 } = options;
  const endpoint = httpUrl('tokenEndpoint', options.tokenEndpoint);
  if (endpoint.protocol !== 'https:' && !dangerouslyAllowHttp) {
    throw new TypeError('tokenEndpoint: must be an https URL (or dangerouslyAllowHttp be set)');
  }
  if (!options.clientId || !options.clientSecret) throw new TypeError('clientId, clientSecret: required');
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) throw new TypeError('timeoutMs: must be a positive integer');
  const destinations: Record<string, DestinationContract> = {};
  for (const [name, contract] of Object.entries(options.destinations)) {
    if (!contract.audience) throw new TypeError(`destinations.${name}.audience: required`);
    if ((contract.mode as string) !== 'exchange') throw new TypeError(`destinations.${name}.mode: must be exchange`);
    if (contract.scopes.length === 0) throw new TypeError(`destinations.${name}.scopes: at least one is required`);
    if (contract.baseUrl !== undefined) {
      const { origin, pathname, search } = httpUrl(`destinations.${name}.baseUrl`, contract.baseUrl);
      if (pathname !== '/' || search !== '') {
        throw new TypeError(`destinations.${name}.baseUrl: must be an origin, without a path`);
      }
      destinations[name] = Object.freeze({ ...contract, baseUrl: origin });
    } else {
      destinations[name] = Object.freeze({ ...contract });
    }
  }
  return Object.freeze({
    ...options,
    dangerouslyAllowHttp,
    timeoutMs,
    destinations: Object.freeze(destinations),
  });
}

function httpUrl(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new TypeError(`${name}: must be an http(s) URL`);
  return url;
}
