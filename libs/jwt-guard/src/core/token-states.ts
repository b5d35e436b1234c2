import { type AnyAlgorithmName } from './algorithms';
import { type Principal } from './principal';
import { TokenRejected } from './refusals';
import { type Transaction } from './transaction';
import { type VerificationKey } from './verification-key';
import { type IssuerPolicy } from './verifier-options';

declare const trust: unique symbol;

/** What a caller sent as its token: any string. */
export type RawToken = string & { readonly [trust]: 'raw' };

/** @throws TokenRejected `token_malformed` for what a caller without types may have passed */
export function rawToken(value: string): RawToken {
  if (typeof value !== 'string') throw new TokenRejected('token_malformed', { debug: 'not a string' });
  return value as RawToken;
}

/** Members of a JSON object, frozen all the way down. */
export type Members = Readonly<Record<string, unknown>>;

/**
 * A token of the right shape. NOTHING in it is known to be true yet: its claims may be read for one thing,
 * to find out whose key it claims to be signed with.
 */
export interface UnverifiedToken {
  readonly raw: RawToken;
  readonly algorithm: AnyAlgorithmName;
  readonly header: Members;
  readonly unverifiedIssuer: string;
  readonly unverifiedClaims: Members;
  /** ASCII bytes of `header.payload` (RFC 7515, section 5.2, step 8). */
  readonly signingInput: Buffer;
  readonly signature: Buffer;
}

/** A token that is formed as the issuer that it claims to be from forms its tokens. Still nothing in it is known to be true. */
export interface AttributedToken extends UnverifiedToken {
  readonly [trust]: 'attributed';
  readonly issuer: IssuerPolicy;
  readonly kid: string;
}

/** A token whose signature is right. Who it is for, and whether it still counts, is not known yet. */
export interface VerifiedToken {
  readonly [trust]: 'signature verified';
  readonly raw: RawToken;
  readonly issuer: IssuerPolicy;
  readonly key: VerificationKey;
  readonly claims: Members;
}

/**
 * A verified token that is for this service. All of this stays true for as long as its key is the issuer's, so
 * it may be remembered; whether the token still counts is asked each time.
 */
export interface ValidatedToken {
  readonly [trust]: 'claims validated';
  readonly raw: RawToken;
  readonly issuer: IssuerPolicy;
  readonly key: VerificationKey;
  readonly principal: Principal;
  /** `exp`, `iat` and, where there is one, `nbf`, in seconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
  readonly issuedAt: number;
  readonly notBefore: number;
  /** Until when it counts, where that isn't `exp`: in seconds since 1970-01-01T00:00:00Z. */
  readonly countsUntil?: number;
  /** The `version` of the revocation source when it last said that the token isn't revoked. */
  clearedAt?: number | undefined;
}

/** A transaction token that is for this trust domain; its `principal` is there for sources of revocations alone. */
export interface ValidatedTransaction extends ValidatedToken {
  readonly transaction: Transaction;
}
