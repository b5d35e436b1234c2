import { checkKey, type RevocationSource } from './check-revocation';
import { TokenRejected } from './refusals';
import { type AttributedToken } from './token-states';
import { type VerificationKey } from './verification-key';

/** Where an issuer's keys come from. */
export interface KeySource {
  /** The key of that id, if it is the issuer's now. */
  known(kid: string): VerificationKey | undefined;
  /**
   * The key of that id: at once if it is known, else after asking the issuer for it.
   *
   * @throws TokenRejected `key_unknown`: the issuer was asked, and doesn't publish it
   * @throws VerifierUnavailable `keys_unavailable`, `key_not_yet_known`: it could not be asked
   */
  find(kid: string): VerificationKey | Promise<VerificationKey>;
  /** Whether there is but one key, so that a token needn't name it. */
  readonly single: boolean;
  /** Whether there are keys to verify with. */
  readonly ready: boolean;
  /** `late_handling_seconds` of the set: how long after its `iat` a token may still be handled. Absent: never late. */
  readonly lateHandlingSeconds?: number | undefined;
  /** What there is to say about the keys to somebody who asks why a token is refused. */
  report(): KeyReport;
  /** Fetches the first keys, if that hasn't been done. */
  load(): Promise<void>;
  /** The issuer's keys have changed, or may have: asks for them as soon as that may be done. */
  refresh(): void;
  /** Ends what goes on in the background. */
  close(): void;
}

export interface KeyReport {
  /** An address, or the name of the option that holds them. */
  readonly source: string;
  readonly usable: readonly { readonly kid: string; readonly algorithm: string }[];
  /** Keys that were left out, and why. */
  readonly unusable: readonly UnusableKey[];
  /** Seconds since the keys were fetched, or found to be the same; absent where they aren't, or weren't yet. */
  readonly ageSeconds?: number;
  /** Why the last fetch failed, if it did. */
  readonly lastFailure?: string;
  /** How far this machine's clock is ahead of the issuer's (negative: behind), as measured by its answers. */
  readonly clockSkewSeconds?: number;
}

export interface UnusableKey {
  /** `kid`, or the key's place in the set (`#1`) where it has none. */
  readonly kid: string;
  readonly reason: string;
}

/**
 * The issuer's key that the token names, if that key is for the algorithm that the token names. Of a key that is
 * revoked the issuer isn't even asked.
 *
 * @throws TokenRejected `key_revoked`, `key_unknown`, `key_alg_mismatch`
 * @throws VerifierUnavailable `revocation_unavailable`, `keys_unavailable`, `key_not_yet_known`
 */
export async function resolveKey(
  token: AttributedToken,
  revocation: RevocationSource | undefined,
): Promise<VerificationKey> {
  const { issuer, keys } = token.issuer;
  // Where there is but one key it is that one, whatever the token calls it.
  if (!keys.single) checkKey(issuer, token.kid, revocation);
  const key = await keys.find(token.kid);
  if (key.algorithm !== token.algorithm) throw new TokenRejected('key_alg_mismatch');
  return key;
}
