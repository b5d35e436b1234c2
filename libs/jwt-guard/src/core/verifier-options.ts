import {
  type AlgorithmName,
  type AnyAlgorithmName,
  isAlgorithmName,
  isSharedSecretAlgorithmName,
  SHARED_SECRET_ALGORITHMS,
  type SharedSecretAlgorithmName,
  SIGNATURE_ALGORITHMS,
} from './algorithms';
import { type RevocationSource } from './check-revocation';
import { ChangingKeys } from './changing-keys';
import { type TimeRules } from './check-times';
import { type ClientTlsOption, resolveClientTls } from './client-tls';
import { type DecodeRules } from './decode-token';
import { type JwksCache } from './jwks-cache';
import { JwksClient } from './jwks-client';
import { type VerifierObserver } from './observer';
import { isProfileName, type ProfileName, PROFILES } from './profiles';
import { type KeySource } from './resolve-key';
import { KEY_PARAMETERS, type KeyParameter } from './select-issuer';
import { SharedSecret } from './shared-secret';
import { StaticKeys } from './static-keys';
import { type ValidatedTransaction } from './token-states';
import { type TransactionRules } from './validate-transaction';
import { VerdictCache } from './verdict-cache';
import { type JsonWebKeySet } from './verification-key';

/** What is expected of the tokens of one issuer, however it signs them. */
export interface IssuerRules {
  /** Exactly what `iss` must be. */
  readonly issuer: string;
  /** This service's name, or names: `aud` must hold one of them. */
  readonly audience: string | readonly string[];
  /**
   * What the issuer's access tokens look like: `rfc9068`, or as `keycloak`, `auth0`, `entra`, `cognito` or any
   * `generic` issuer really sends them. Default: `rfc9068`.
   */
  readonly profile?: ProfileName;
  /** The longest `exp - iat` that is accepted, in seconds, up to what the profile allows. Default: just that. */
  readonly maxLifetimeSeconds?: number;
  /**
   * The longest `exp - iat` that is accepted, in seconds, beyond what the profile allows, up to 31 days: a token
   * that is stolen serves the thief for that long. Default: none.
   */
  readonly dangerouslyMaxLifetimeSeconds?: number;
  /**
   * Header parameters that are ignored where a token with them would be refused; none of them is ever used.
   * Default: none.
   */
  readonly ignoredHeaderParameters?: readonly KeyParameter[];
  /**
   * Accepts the transaction tokens of this issuer too, beside the access token of the service that calls; for the profile
   * `rfc9068`, and not with a `sharedSecret`, by which each service could mint them. Default: none is.
   */
  readonly transactions?: TransactionOptions;
}

/** What is expected of an issuer's transaction tokens. */
export interface TransactionOptions {
  /** Exactly what their `aud` must be: the name of the domain, not that of a service. */
  readonly trustDomain: string;
  /** The longest `exp - iat` that is accepted, in seconds, up to 300. Default: 300. */
  readonly maxLifetimeSeconds?: number;
}

/** An issuer that publishes its keys. */
export interface JwksUriIssuer extends IssuerRules {
  /** The algorithms that this issuer may sign with: a list, not a default. */
  readonly algorithms: readonly AlgorithmName[];
  /** Where the issuer publishes its keys. */
  readonly jwksUri: string;
  /**
   * Takes keys from a `jwksUri` without TLS: whoever is on the network between can then put keys of its own
   * there, and so sign tokens. Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
  /**
   * Keeps the set that was fetched last, for the next start: it serves, for an hour after it was fetched, where the first
   * fetch fails. Default: nothing does.
   */
  readonly jwksCache?: JwksCache;
  /**
   * What the connection to `jwksUri` is secured with: the authorities that are trusted, and a certificate of this service
   * (mutual TLS). A function is asked at each new connection, so that renewed certificates count without a restart.
   * Default: what Node trusts, and no certificate.
   */
  readonly tls?: ClientTlsOption;
  readonly jwks?: undefined;
  readonly sharedSecret?: undefined;
}

/** An issuer whose keys are given. */
export interface JwksIssuer extends IssuerRules {
  /** The algorithms that this issuer may sign with: a list, not a default. */
  readonly algorithms: readonly AlgorithmName[];
  /**
   * The issuer's keys themselves, in place of `jwksUri`; or what returns them, for keys that change in this process.
   * It is asked whenever a key is looked up, and must answer at once: another object is another set. While it throws,
   * or no key can be used, the keys are unavailable.
   */
  readonly jwks: JsonWebKeySet | (() => JsonWebKeySet);
  readonly jwksUri?: undefined;
  readonly dangerouslyAllowHttp?: undefined;
  readonly tls?: undefined;
  readonly sharedSecret?: undefined;
}

/** An issuer that shares a secret with this service: each of the two can sign for the other. */
export interface SharedSecretIssuer extends IssuerRules {
  /** The one algorithm that the secret is for: HS256, HS384 or HS512. */
  readonly algorithms: readonly [SharedSecretAlgorithmName];
  /**
   * The secret, of 32 random bytes or more (48 for HS384, 64 for HS512), in place of keys. Of a text its UTF-8
   * bytes are the secret.
   */
  readonly sharedSecret: string | Uint8Array;
  readonly jwks?: undefined;
  readonly jwksUri?: undefined;
  readonly dangerouslyAllowHttp?: undefined;
  readonly tls?: undefined;
}

export type IssuerOptions = JwksUriIssuer | JwksIssuer | SharedSecretIssuer;

export interface TokenVerifierOptions {
  /** Whose tokens are accepted. At least one; each with its own audience, algorithms and keys. */
  readonly issuers: readonly IssuerOptions[];
  /** What knows about revoked tokens. Default: nothing does. */
  readonly revocation?: RevocationSource;
  /** Leeway for clocks that are apart, in seconds, 0 to 60. Default: 5. */
  readonly clockToleranceSeconds?: number;
  /** `maxLifetimeSeconds` of issuers that don't say it themselves. Default: their profile's. */
  readonly maxLifetimeSeconds?: number;
  /** Size cap of a token, in bytes. Default: 8192. */
  readonly maxTokenBytes?: number;
  /** How many good tokens are remembered, so that their signatures are computed once; 0 for none. Default: 10000. */
  readonly verdictCacheSize?: number;
  /** Is told of verdicts, key fetches and clocks that are apart, for metrics and the log. Default: nobody is. */
  readonly observer?: VerifierObserver;
  /** The clock: seconds since 1970-01-01T00:00:00Z. Default: the machine's. */
  readonly now?: () => number;
}

/** What is expected of one issuer's tokens, checked and ready to use. */
export interface IssuerPolicy {
  readonly issuer: string;
  readonly audience: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<AnyAlgorithmName>;
  readonly profile: ProfileName;
  readonly maxLifetimeSeconds: number;
  readonly ignoredHeaderParameters: ReadonlySet<string>;
  readonly transactions: TransactionRules | undefined;
  readonly keys: KeySource;
}

/** The options, checked, defaulted and frozen once, at start-up. */
export interface VerifierPolicy extends DecodeRules, TimeRules {
  readonly issuers: ReadonlyMap<string, IssuerPolicy>;
  readonly revocation: RevocationSource | undefined;
  readonly observer: VerifierObserver | undefined;
  readonly verdicts: VerdictCache;
  readonly transactionVerdicts: VerdictCache<ValidatedTransaction>;
  readonly now: () => number;
}

const VERDICT_CACHE_BYTES = 16 * 1024 * 1024;
/** They live for a minute, and each is sent to a service only a few times. */
const TRANSACTION_VERDICTS = Object.freeze({ entries: 1_000, bytes: 4 * 1024 * 1024 });
const LONGEST_TRANSACTION_SECONDS = 300;
const LONGEST_LIFETIME_SECONDS = 31 * 86_400;

/** Makes an issuer's keys out of its options. */
export type KeySourceFactory = (
  options: IssuerOptions,
  algorithms: ReadonlySet<AnyAlgorithmName>,
  shared: Shared,
) => KeySource;

/**
 * @throws TypeError naming the option that is missing or makes no sense
 */
export function resolveVerifierOptions(
  options: TokenVerifierOptions,
  keysFor: KeySourceFactory = keySource,
): VerifierPolicy {
  if (!Array.isArray(options?.issuers) || options.issuers.length === 0) {
    throw new TypeError('issuers: at least one issuer is required');
  }
  const { revocation, now = () => Date.now() / 1000 } = options;
  if (revocation !== undefined) checkSource(revocation);
  if (typeof now !== 'function') throw new TypeError('now: must be a function');
  if (!Number.isInteger(options.verdictCacheSize ?? 0)) throw new TypeError('verdictCacheSize: must be a whole number');
  const verdictCacheSize = within('verdictCacheSize', options.verdictCacheSize ?? 10_000, 0, 1_000_000);
  const shared = {
    clockToleranceSeconds: within('clockToleranceSeconds', options.clockToleranceSeconds ?? 5, 0, 60),
    maxTokenBytes: within('maxTokenBytes', options.maxTokenBytes ?? 8192, 256, 65536),
    verdicts: new VerdictCache({ entries: verdictCacheSize, bytes: VERDICT_CACHE_BYTES }),
    transactionVerdicts: new VerdictCache<ValidatedTransaction>(
      { ...TRANSACTION_VERDICTS, entries: Math.min(verdictCacheSize, TRANSACTION_VERDICTS.entries) },
      ({ transaction }) => transaction,
    ),
    revocation,
    observer: options.observer,
    now,
  };
  const issuers = new Map<string, IssuerPolicy>();
  for (const issuer of options.issuers as readonly IssuerOptions[]) {
    const policy = issuerPolicy(issuer, options.maxLifetimeSeconds, shared, keysFor);
    if (issuers.has(policy.issuer)) throw new TypeError(`issuers: ${policy.issuer} is listed twice`);
    issuers.set(policy.issuer, policy);
  }
  const algorithms = new Set([...issuers.values()].flatMap((policy) => [...policy.algorithms]));
  return Object.freeze({ ...shared, issuers, algorithms });
}

/** @throws TypeError */
function checkSource(source: RevocationSource): void {
  if (typeof source?.isRevoked !== 'function') {
    throw new TypeError('revocation: must have a method isRevoked; leave it out for none');
  }
  for (const name of ['isKeyRevoked', 'onKeysChanged', 'subscribe', 'start', 'close'] as const) {
    if (source[name] !== undefined && typeof source[name] !== 'function') {
      throw new TypeError(`revocation: its ${name} must be a method, or be left out`);
    }
  }
}

type Shared = Pick<VerifierPolicy, 'clockToleranceSeconds' | 'verdicts' | 'transactionVerdicts' | 'observer' | 'now'>;

function issuerPolicy(
  options: IssuerOptions,
  maxLifetimeSeconds: number | undefined,
  shared: Shared,
  keysFor: KeySourceFactory,
): IssuerPolicy {
  const { issuer } = options ?? {};
  if (typeof issuer !== 'string' || issuer === '') throw new TypeError('issuer: required, a string');
  const audience: ReadonlySet<unknown> = new Set([options.audience].flat());
  if (audience.size === 0 || ![...audience].every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError(`audience: required for ${issuer}, a string or a list of strings`);
  }
  const profile = options.profile ?? 'rfc9068';
  if (!isProfileName(profile)) {
    throw new TypeError(`profile: for ${issuer} it must be one of ${Object.keys(PROFILES).join(', ')}`);
  }
  const ignored: readonly string[] = options.ignoredHeaderParameters ?? [];
  if (
    !Array.isArray(ignored) ||
    !(ignored as string[]).every((name) => (KEY_PARAMETERS as readonly string[]).includes(name))
  ) {
    throw new TypeError(`ignoredHeaderParameters: for ${issuer}, a list of any of ${KEY_PARAMETERS.join(', ')}`);
  }
  const algorithms = algorithmsOf(options);
  return Object.freeze({
    issuer,
    audience: audience as ReadonlySet<string>,
    algorithms,
    profile,
    maxLifetimeSeconds: lifetimeOf(options, profile, maxLifetimeSeconds),
    ignoredHeaderParameters: new Set(ignored),
    transactions: transactionRules(options, profile),
    keys: keysFor(options, algorithms, shared),
  });
}

function algorithmsOf({ issuer, algorithms, sharedSecret }: IssuerOptions): ReadonlySet<AnyAlgorithmName> {
  const isKnown = sharedSecret === undefined ? isAlgorithmName : isSharedSecretAlgorithmName;
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !(algorithms as unknown[]).every(isKnown)) {
    const [how, known] =
      sharedSecret === undefined
        ? ['a list of any', SIGNATURE_ALGORITHMS]
        : ['with sharedSecret one', SHARED_SECRET_ALGORITHMS];
    throw new TypeError(`algorithms: required for ${issuer}, ${how} of ${Object.keys(known).join(', ')}`);
  }
  if (sharedSecret !== undefined && algorithms.length > 1) {
    throw new TypeError(`algorithms: a sharedSecret is for one algorithm only (${issuer})`);
  }
  return new Set(algorithms as readonly AnyAlgorithmName[]);
}

function lifetimeOf(options: IssuerOptions, profile: ProfileName, byDefault: number | undefined): number {
  const { maxLifetimeSeconds: own, dangerouslyMaxLifetimeSeconds: dangerous } = options;
  if (dangerous !== undefined) {
    if (own !== undefined) throw new TypeError('maxLifetimeSeconds, dangerouslyMaxLifetimeSeconds: one or the other');
    return within('dangerouslyMaxLifetimeSeconds', dangerous, 1, LONGEST_LIFETIME_SECONDS);
  }
  const most = PROFILES[profile].maxLifetimeSeconds;
  return within('maxLifetimeSeconds', own ?? byDefault ?? most, 1, most);
}

/** @throws TypeError */
function transactionRules(
  { issuer, transactions, sharedSecret }: IssuerOptions,
  profile: ProfileName,
): TransactionRules | undefined {
  if (transactions === undefined) return undefined;
  if (profile !== 'rfc9068') throw new TypeError(`transactions: for ${issuer} only with the profile rfc9068`);
  if (sharedSecret !== undefined) throw new TypeError(`transactions: for ${issuer} not with a sharedSecret`);
  const { trustDomain, maxLifetimeSeconds = LONGEST_TRANSACTION_SECONDS } = transactions ?? {};
  if (typeof trustDomain !== 'string' || trustDomain === '') {
    throw new TypeError(`transactions.trustDomain: required for ${issuer}, a string`);
  }
  const name = 'transactions.maxLifetimeSeconds';
  return Object.freeze({
    trustDomain,
    maxLifetimeSeconds: within(name, maxLifetimeSeconds, 1, LONGEST_TRANSACTION_SECONDS),
  });
}

function keySource(options: IssuerOptions, algorithms: ReadonlySet<AnyAlgorithmName>, shared: Shared): KeySource {
  const { issuer, jwks, jwksUri, sharedSecret, dangerouslyAllowHttp = false } = options;
  if ([jwks, jwksUri, sharedSecret].filter((source) => source !== undefined).length !== 1) {
    throw new TypeError(`jwksUri, jwks or sharedSecret: exactly one of them is required for ${issuer}`);
  }
  if (sharedSecret !== undefined) return new SharedSecret(sharedSecret, options.algorithms[0]);
  const onRemoval = () => {
    shared.verdicts.prune();
    shared.transactionVerdicts.prune();
  };
  if (typeof jwks === 'function') return new ChangingKeys(jwks, { algorithms, onRemoval });
  if (jwks !== undefined) return new StaticKeys(jwks, algorithms);
  const uri = URL.canParse(String(jwksUri)) ? new URL(String(jwksUri)) : undefined;
  // `fetch` takes none, and they would be told wherever the address is.
  if (uri && (uri.username || uri.password)) throw new TypeError(`jwksUri: for ${issuer} it must hold no credentials`);
  if (uri?.protocol !== 'https:' && !(uri?.protocol === 'http:' && dangerouslyAllowHttp)) {
    throw new TypeError(`jwksUri: for ${issuer} it must be an https URL (or dangerouslyAllowHttp be set)`);
  }
  const { clockToleranceSeconds, observer, now } = shared;
  const { jwksCache: cache } = options;
  if (cache !== undefined && !(typeof cache?.read === 'function' && typeof cache.write === 'function')) {
    throw new TypeError(`jwksCache: for ${issuer} it must have the methods read and write`);
  }
  const tls = resolveClientTls(options.tls);
  return new JwksClient({ uri, issuer, algorithms, clockToleranceSeconds, observer, now, onRemoval, cache, tls });
}

/** @throws TypeError naming the option */
function within(
  name: keyof TokenVerifierOptions | keyof IssuerRules | `transactions.${keyof TransactionOptions}`,
  value: number,
  least: number,
  most: number,
): number {
  if (!Number.isFinite(value) || value < least || value > most) {
    throw new TypeError(`${name}: must be a number from ${least} to ${most}`);
  }
  return value;
}
