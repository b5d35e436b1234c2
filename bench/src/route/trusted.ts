import { type PublicJwk } from '@token-relay/testing';

/** Whose tokens a server has to accept, and for whom: the same for all. */
export interface Trusted {
  readonly issuer: string;
  readonly audience: string;
  /** Where its keys are: for those that fetch them, as they are to do it. */
  readonly jwksUri: string;
  /** The same, for those that are given them. */
  readonly jwks: { readonly keys: PublicJwk[] };
  /** The same, for those that take one key alone. */
  readonly pem: string;
}
