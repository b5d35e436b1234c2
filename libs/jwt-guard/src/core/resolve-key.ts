import { TokenRejected } from './refusals';
import { type UnverifiedToken } from './token-states';
import { type IssuerPolicy } from './verifier-options';
import { type VerificationKey } from './verification-key';

/** Where an issuer's keys come from. */
export interface KeySource {
  /**
   * The key of that id: at once if it is known, else after asking the issuer for it.
   *
   * @throws TokenRejected `key_unknown`: the issuer was asked, and doesn't publish it
   * @throws VerifierUnavailable `keys_unavailable`, `key_not_yet_known`: it could not be asked
   */
  find(kid: string): VerificationKey | Promise<VerificationKey>;
  /** Whether there are keys to verify with. */
  readonly ready: boolean;
  /** Fetches the first keys, if that hasn't been done. */
  load(): Promise<void>;
  /** Ends what goes on in the background. */
  close(): void;
}

/** The policy of the issuer that the token claims to be from: nothing but a choice of whose keys to try. */
export function selectIssuer(token: UnverifiedToken, issuers: ReadonlyMap<string, IssuerPolicy>): IssuerPolicy {
  const policy = issuers.get(token.unverifiedIssuer);
  if (!policy) throw new TokenRejected('issuer_not_trusted');
  // The decoder knew the lists of all issuers; this is the one of this issuer.
  if (!policy.algorithms.has(token.algorithm)) throw new TokenRejected('alg_not_allowed');
  return policy;
}

/** The issuer's key that the token names, if that key is for the algorithm that the token names. */
export async function resolveKey(token: UnverifiedToken, issuer: IssuerPolicy): Promise<VerificationKey> {
  const found = issuer.keys.find(token.kid);
  const key = found instanceof Promise ? await found : found;
  if (key.algorithm !== token.algorithm) throw new TokenRejected('key_alg_mismatch');
  return key;
}
