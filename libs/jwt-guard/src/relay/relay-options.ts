import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type ClientAssertion } from '../core/client-assertion';
import { type ClientTlsOption, type CurrentContext, resolveClientTls } from '../core/client-tls';
import { type RpcCarrier, type RpcTransport } from './carriers/rpc-carrier';
import { type RelayObserver } from './relay-observer';
import { checkTimeout } from './time-limit';

/**
 * The destinations of an app by their names, for the compiler: an app that declares its own,
 *
 * ```ts
 * declare module '@token-relay/jwt-guard' {
 *   interface RelayDestinations { resource: true; audit: true }
 * }
 * ```
 *
 * has every name that it calls checked, and a contract asked of it for each. Without that any text compiles, and an
 * unknown name throws when it is called.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- for apps to merge theirs into
export interface RelayDestinations {}

export type DestinationName = [keyof RelayDestinations] extends [never]
  ? string
  : Extract<keyof RelayDestinations, string>;

/**
 * What a call to a destination carries of the caller of the current call.
 *
 * - `exchange`: a token of its own for that destination, with this service as the actor (RFC 8693)
 * - `transaction`: a transaction token (draft-ietf-oauth-transaction-tokens), minted at the edge and passed on as
 *   it is, beside a token of this service's own
 * - `forward`: the caller's token as it is, with which the destination can do whatever the caller can
 * - `none`: no token
 */
export type RelayModeName = 'exchange' | 'transaction' | 'forward' | 'none';

/** How a destination is to be called: one contract each. */
export interface DestinationContract {
  /** What the destination calls itself: the `aud` of the tokens that it gets. */
  readonly audience: string;
  readonly mode: RelayModeName;
  /**
   * The most that a token for it may hold; a caller who has less gets less. Required for `exchange` and `transaction`,
   * where nothing else narrows a token.
   */
  readonly scopes?: readonly string[];
  /** For a destination over HTTP: its origin. */
  readonly baseUrl?: string;
  /** For a destination over RPC: how its transport carries headers. Default: `tcp`. */
  readonly transport?: RpcTransport | RpcCarrier;
  /** How long an exchanged token is used again, in seconds, at most; 0 for never. Default: until it expires. */
  readonly maxAgeSeconds?: number;
  /** How long it may take to answer, in milliseconds. Default: the module's. */
  readonly timeoutMs?: number;
  /**
   * For a destination over RPC: patterns of messages that it may be sent twice, as idempotent requests may over HTTP. One
   * that gets no answer because its connection breaks is sent once more. Default: none.
   */
  readonly repeatable?: readonly string[];
  /**
   * What mode `forward` asks for: the destination, and whoever breaks into it, can call every service that accepts the
   * caller's token, as the caller.
   */
  readonly dangerouslyForward?: boolean;
}

/** Where tokens come from, and as whom this service asks for them. */
export interface RelayIssuer {
  /** The issuer's token endpoint. */
  readonly tokenEndpoint: string;
  /** This service, as the issuer knows it. */
  readonly clientId: string;
  /** The secret that this service shares with the issuer (`client_secret_basic`). */
  readonly clientSecret?: string;
  /**
   * Makes, in place of a secret, a fresh assertion for each request to the issuer (`private_key_jwt`, RFC 7523, section
   * 2.2): a JWT that this service has signed with a key of its own.
   */
  readonly clientAssertion?: ClientAssertion;
  /** The `aud` of transaction tokens: what the issuer calls its trust domain. Required for `transaction`. */
  readonly trustDomain?: string;
}

export interface RelayOptions<Name extends string = DestinationName> extends Partial<RelayIssuer> {
  /**
   * Takes a `tokenEndpoint` and `baseUrl`s without TLS: the client secret and all tokens cross the network in clear.
   * Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
  /**
   * What connections to the `tokenEndpoint` and to `baseUrl`s are secured with: the authorities that are trusted, and a
   * certificate of this service (mutual TLS). A function is asked at each new connection, so that renewed certificates
   * count without a restart. Clients for RPC have options of their own. Default: what Node trusts, and no certificate.
   */
  readonly tls?: ClientTlsOption;
  /** By name. There is no way to call anything else with a token. */
  readonly destinations: Readonly<Record<Name, DestinationContract>>;
  /** How long a destination may take to answer, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Told of every call, of what it carries, and of what the issuer is asked for. Default: nobody is told. */
  readonly observer?: RelayObserver;
}

/** A contract, checked and defaulted. */
export interface ResolvedContract extends DestinationContract {
  /** What the contract is called. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** The same, as OAuth has them. */
  readonly scope: string;
  readonly timeoutMs: number;
  readonly maxAgeSeconds: number;
  readonly repeatable: readonly string[];
}

export interface ResolvedRelayOptions {
  /** `undefined` where no mode needs one. */
  readonly issuer: RelayIssuer | undefined;
  readonly tls: CurrentContext | undefined;
  readonly contracts: ReadonlyMap<string, ResolvedContract>;
}

export const { ConfigurableModuleClass: RelayModuleBase, MODULE_OPTIONS_TOKEN: RELAY_OPTIONS } =
  new ConfigurableModuleBuilder<RelayOptions>({ moduleName: 'Relay' })
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();

const DEFAULT_TIMEOUT_MS = 10_000;

/** @throws TypeError naming the option that is missing or makes no sense */
export function resolveRelayOptions(options: RelayOptions<string>): ResolvedRelayOptions {
  const { dangerouslyAllowHttp: allowHttp = false, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkTimeout('timeoutMs', timeoutMs);
  const contracts = Object.entries(options.destinations).map(
    ([name, contract]) => [name, resolveContract(name, contract, { allowHttp, timeoutMs })] as const,
  );
  const modes = new Set(contracts.map(([, { mode }]) => mode));
  const needsIssuer = modes.has('exchange') || modes.has('transaction') || options.tokenEndpoint !== undefined;
  const issuer = needsIssuer ? resolveIssuer(options, allowHttp) : undefined;
  if (modes.has('transaction') && !issuer?.trustDomain) throw new TypeError('trustDomain: required for transactions');
  return Object.freeze({ issuer, tls: resolveClientTls(options.tls), contracts: new Map(contracts) });
}

function resolveIssuer(options: RelayOptions<string>, allowHttp: boolean): RelayIssuer {
  const { tokenEndpoint, clientId, clientSecret, clientAssertion, trustDomain } = options;
  secureUrl('tokenEndpoint', tokenEndpoint, allowHttp);
  if (!clientId) throw new TypeError('clientId: required');
  if ((clientSecret === undefined || clientSecret === '') === (clientAssertion === undefined)) {
    throw new TypeError('clientSecret, clientAssertion: exactly one of them is required');
  }
  return Object.freeze({
    tokenEndpoint: String(tokenEndpoint),
    clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(clientAssertion && { clientAssertion }),
    ...(trustDomain !== undefined && { trustDomain }),
  });
}

interface Defaults {
  readonly allowHttp: boolean;
  readonly timeoutMs: number;
}

function resolveContract(name: string, contract: DestinationContract, defaults: Defaults): ResolvedContract {
  const at = `destinations.${name}`;
  const { mode, audience, baseUrl, maxAgeSeconds = Infinity, timeoutMs = defaults.timeoutMs } = contract;
  if (!audience) throw new TypeError(`${at}.audience: required`);
  if (!MODES.has(mode)) throw new TypeError(`${at}.mode: must be one of ${[...MODES].join(', ')}`);
  const scopes = Object.freeze([...(contract.scopes ?? [])]);
  if ((mode === 'exchange' || mode === 'transaction') && scopes.length === 0) {
    throw new TypeError(`${at}.scopes: at least one is required`);
  }
  if (mode === 'forward' && contract.dangerouslyForward !== true) {
    throw new TypeError(`${at}.mode: forward hands the caller's token over, and needs dangerouslyForward: true`);
  }
  const repeatable = Object.freeze([...(contract.repeatable ?? [])]);
  if (repeatable.some((pattern) => typeof pattern !== 'string' || pattern === '')) {
    throw new TypeError(`${at}.repeatable: must be a list of patterns`);
  }
  if (!(maxAgeSeconds >= 0)) throw new TypeError(`${at}.maxAgeSeconds: must be a number of seconds, 0 or more`);
  checkTimeout(`${at}.timeoutMs`, timeoutMs);
  const origin = baseUrl === undefined ? {} : { baseUrl: originOf(`${at}.baseUrl`, baseUrl, defaults.allowHttp) };
  return Object.freeze({
    ...contract,
    name,
    scopes,
    scope: scopes.join(' '),
    maxAgeSeconds,
    timeoutMs,
    repeatable,
    ...origin,
  });
}

const MODES: ReadonlySet<string> = new Set<RelayModeName>(['exchange', 'transaction', 'forward', 'none']);

function originOf(name: string, value: string, allowHttp: boolean): string {
  const { origin, pathname, search } = secureUrl(name, value, allowHttp);
  if (pathname !== '/' || search !== '') throw new TypeError(`${name}: must be an origin, without a path`);
  return origin;
}

function secureUrl(name: string, value: string | undefined, allowHttp: boolean): URL {
  const url = value !== undefined && URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && allowHttp)) return url;
  throw new TypeError(`${name}: must be an https URL (or dangerouslyAllowHttp be set)`);
}
