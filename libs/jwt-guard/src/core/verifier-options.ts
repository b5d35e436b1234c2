import { type AlgorithmName, isAlgorithmName, SIGNATURE_ALGORITHMS } from './algorithms';
import { type RevocationSource } from './check-revocation';
import { type ClaimRules } from './validate-claims';
import { type DecodeRules } from './decode-token';
import { JwksClient } from './jwks-client';
import { type KeySource } from './resolve-key';
import { StaticKeys } from './static-keys';
import { type JsonWebKeySet } from './verification-key';

export interface IssuerOptions {
  /** Exactly what `iss` must be. */
  readonly issuer: string;
  /** This service's name, or names: `aud` must hold one of them. */
  readonly audience: string | readonly string[];
  /** The algorithms that this issuer may sign with: a list, not a default. */
  readonly algorithms: readonly AlgorithmName[];
  /** Where the issuer publishes its keys. Either this or `jwks`. */
  readonly jwksUri?: string;
  /** The issuer's keys themselves. Either this or `jwksUri`. */
  readonly jwks?: JsonWebKeySet;
  /**
   * Takes keys from a `jwksUri` without TLS: whoever is on the network between can then put keys of its own
   * there, and so sign tokens. Default: false.
   */
  readonly dangerouslyAllowHttp?: boolean;
}

export interface TokenVerifierOptions {
  /** Whose tokens are accepted. At least one; each with its own audience, algorithms and keys. */
  readonly issuers: readonly IssuerOptions[];
  /** What knows about revoked tokens. Default: nothing does. */
  readonly revocation?: RevocationSource;
  /** Leeway for clocks that are apart, in seconds, 0 to 60. Default: 5. */
  readonly clockToleranceSeconds?: number;
  /** The longest `exp - iat` that is accepted, in seconds, up to 900. Default: 900. */
  readonly maxLifetimeSeconds?: number;
  /** Size cap of a token, in bytes. Default: 8192. */
  readonly maxTokenBytes?: number;
  /** The clock: seconds since 1970-01-01T00:00:00Z. Default: the machine's. */
  readonly now?: () => number;
}

/** What is expected of one issuer's tokens, checked and ready to use. */
export interface IssuerPolicy {
  readonly issuer: string;
  readonly audience: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<AlgorithmName>;
  readonly keys: KeySource;
}

/** The options, checked, defaulted and frozen once, at start-up. */
export interface VerifierPolicy extends DecodeRules, ClaimRules {
  readonly issuers: ReadonlyMap<string, IssuerPolicy>;
  readonly revocation: RevocationSource | undefined;
  readonly now: () => number;
}

/**
 * @throws TypeError naming the option that is missing or makes no sense
 */
export function resolveVerifierOptions(options: TokenVerifierOptions): VerifierPolicy {
  if (!Array.isArray(options?.issuers) || options.issuers.length === 0) {
    throw new TypeError('issuers: at least one issuer is required');
  }
  const issuers = new Map<string, IssuerPolicy>();
  for (const issuer of options.issuers as readonly IssuerOptions[]) {
    const policy = issuerPolicy(issuer);
    if (issuers.has(policy.issuer)) throw new TypeError(`issuers: ${policy.issuer} is listed twice`);
    issuers.set(policy.issuer, policy);
  }
  return Object.freeze({
    issuers,
    algorithms: new Set([...issuers.values()].flatMap((policy) => [...policy.algorithms])),
    revocation: options.revocation,
    clockToleranceSeconds: within(options, 'clockToleranceSeconds', 5, 0, 60),
    maxLifetimeSeconds: within(options, 'maxLifetimeSeconds', 900, 1, 900),
    maxTokenBytes: within(options, 'maxTokenBytes', 8192, 256, 65536),
    now: options.now ?? (() => Date.now() / 1000),
  });
}

function issuerPolicy(options: IssuerOptions): IssuerPolicy {
  const { issuer } = options;
  if (typeof issuer !== 'string' || issuer === '') throw new TypeError('issuer: required, a string');
  const audience = new Set(Array.isArray(options.audience) ? options.audience : [options.audience]);
  if (audience.size === 0 || ![...audience].every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError(`audience: required for ${issuer}, a string or a list of strings`);
  }
  const { algorithms } = options;
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every(isAlgorithmName)) {
    const known = Object.keys(SIGNATURE_ALGORITHMS).join(', ');
    throw new TypeError(`algorithms: required for ${issuer}, a list of any of ${known}`);
  }
  const allowed: ReadonlySet<AlgorithmName> = new Set(algorithms);
  return Object.freeze({ issuer, audience, algorithms: allowed, keys: keySource(options, allowed) });
}

function keySource(options: IssuerOptions, algorithms: ReadonlySet<AlgorithmName>): KeySource {
  const { issuer, jwks, jwksUri, dangerouslyAllowHttp = false } = options;
  if ((jwks === undefined) === (jwksUri === undefined)) {
    throw new TypeError(`jwksUri or jwks: exactly one of them is required for ${issuer}`);
  }
  if (jwks !== undefined) return new StaticKeys(jwks, algorithms);
  const uri = URL.canParse(String(jwksUri)) ? new URL(String(jwksUri)) : undefined;
  if (uri?.protocol !== 'https:' && !(uri?.protocol === 'http:' && dangerouslyAllowHttp)) {
    throw new TypeError(`jwksUri: for ${issuer} it must be an https URL (or dangerouslyAllowHttp be set)`);
  }
  return new JwksClient(uri, algorithms);
}

function within(
  options: TokenVerifierOptions,
  name: 'clockToleranceSeconds' | 'maxLifetimeSeconds' | 'maxTokenBytes',
  byDefault: number,
  least: number,
  most: number,
): number {
  const value = options[name] ?? byDefault;
  if (!Number.isFinite(value) || value < least || value > most) {
    throw new TypeError(`${name}: must be a number from ${least} to ${most}`);
  }
  return value;
}
