import { type AlgorithmName } from './algorithms';
import { type VerificationKey } from './verification-key';

declare const trust: unique symbol;

/** What a caller sent as its token: any string. */
export type RawToken = string & { readonly [trust]: 'raw' };

export function rawToken(value: string): RawToken {
  return value as RawToken;
}

/**
 * A token of the right shape. NOTHING in it is known to be true yet: its claims may be read for one thing,
 * to find out whose key it claims to be signed with.
 */
export interface UnverifiedToken {
  readonly algorithm: AlgorithmName;
  readonly kid: string;
  readonly unverifiedIssuer: string;
  readonly unverifiedClaims: Readonly<Record<string, unknown>>;
  /** ASCII bytes of `header.payload` (RFC 7515, section 5.2, step 8). */
  readonly signingInput: Buffer;
  readonly signature: Buffer;
}

/** A token whose signature is right. Who it is for, and whether it still counts, is not known yet. */
export interface VerifiedToken {
  readonly [trust]: 'signature verified';
  readonly key: VerificationKey;
  readonly claims: Readonly<Record<string, unknown>>;
}
