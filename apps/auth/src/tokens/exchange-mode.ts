import { type Principal } from '@token-relay/jwt-guard';
import { type Client } from '../clients/client-registry';
import { type FormParameters } from './form-parameters';

/** One kind of token that a subject token can be exchanged for. */
export interface ExchangeMode {
  /** What is asked for, and may be: what shows without looking at the subject token. @throws OAuthError */
  target(client: Client, form: FormParameters): ExchangeTarget;
}

/** What a client asks for, and may have. */
export interface ExchangeTarget {
  readonly audience: string;
  /** The most that this client may ask for. */
  readonly permitted: readonly string[];
  /** Default: whatever it may ask for. */
  readonly asked: readonly string[] | undefined;
  /** @throws OAuthError, StoreUnavailable */
  issue(subject: Principal, scopes: readonly string[]): Promise<Exchanged>;
}

/** A successful answer (RFC 8693, section 2.2.1). */
export interface ExchangeAnswer {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer' | 'N_A';
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
}

export interface Exchanged {
  readonly answer: ExchangeAnswer;
  /** Who acts for the subject with the token, the outermost first. */
  readonly actor: readonly string[];
  /** What the new token is known by: for the log. */
  readonly issued: { readonly jti: string } | { readonly txn: string };
}
