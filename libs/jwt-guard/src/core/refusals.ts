/**
 * The one table of everything this library can answer instead of "yes".
 *
 * A *rejection* says: this token (or request) is bad. An *outage* says: it could not be decided, and asking
 * again may help. The two are never mixed: a failing dependency is no reason to log a user out.
 */

/** `error` of RFC 6750, section 3.1; absent where no token was sent. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

export interface RejectionRow {
  readonly status: 400 | 401 | 403;
  readonly error?: BearerError;
  /** What the caller may read: no token, no claim, and no character that `error_description` can't hold. */
  readonly text: string;
}

export interface OutageRow {
  readonly status: 502 | 503 | 504;
  readonly text: string;
}

/** No matter of tokens: RFC 6750 has no name for it. */
const notAllowed = (text: string): RejectionRow => ({ status: 403, text });
const unauthenticated = (text: string): RejectionRow => ({ status: 401, text });
const invalidRequest = (text: string): RejectionRow => ({ status: 400, error: 'invalid_request', text });
const invalidToken = (text: string): RejectionRow => ({ status: 401, error: 'invalid_token', text });
const forbidden = (text: string): RejectionRow => ({ status: 403, error: 'insufficient_scope', text });

export const REJECTIONS = Object.freeze({
  // extract
  token_missing: unauthenticated('An access token is required.'),
  authorization_malformed: invalidRequest('The Authorization header is not of the form: Bearer, space, token.'),
  authorization_repeated: invalidRequest('More than one Authorization header was sent.'),
  token_repeated: invalidRequest('The access token was sent in more than one way.'),
  transaction_repeated: invalidRequest('More than one Txn-Token header was sent.'),
  context_malformed: invalidRequest('What the call carries besides its token is malformed.'),
  token_in_url: invalidRequest('An access token was sent in the URL, where logs and histories keep it.'),
  // decode
  token_too_large: invalidToken('The access token is too large.'),
  token_malformed: invalidToken('The access token is not a well-formed signed JWT.'),
  alg_not_allowed: invalidToken('The access token is signed with an algorithm that is not allowed.'),
  header_not_allowed: invalidToken('The access token has a header parameter that is not allowed.'),
  typ_not_allowed: invalidToken('The access token is not of the expected type.'),
  kid_missing: invalidToken('The access token does not name the key that signed it.'),
  // resolve key
  issuer_not_trusted: invalidToken('The access token is from an issuer that is not trusted here.'),
  key_unknown: invalidToken('The access token is signed with a key that its issuer does not publish.'),
  key_revoked: invalidToken('The key that signed the access token has been revoked.'),
  key_alg_mismatch: invalidToken('The access token is signed with an algorithm that its key is not for.'),
  // verify signature
  signature_invalid: invalidToken('The signature of the access token is wrong.'),
  // validate claims
  claim_missing: invalidToken('The access token lacks a required claim.'),
  claim_malformed: invalidToken('The access token has a malformed claim.'),
  audience_mismatch: invalidToken('The access token is meant for another service.'),
  token_expired: invalidToken('The access token has expired.'),
  token_not_yet_valid: invalidToken('The access token is not valid yet.'),
  token_issued_in_future: invalidToken('The access token was issued in the future.'),
  lifetime_too_long: invalidToken('The access token lives longer than is allowed here.'),
  not_an_access_token: invalidToken('The token was issued for another purpose than access.'),
  proof_required: invalidToken('The access token is bound to a key and is of no use without a proof of it.'),
  // transaction
  transaction_not_accepted: invalidToken('Transaction tokens are not accepted here.'),
  transaction_invalid: invalidToken('The transaction token is not valid.'),
  transaction_expired: invalidToken('The transaction token has expired.'),
  service_token_required: invalidToken(
    'A transaction token has to come with an access token of the calling service itself.',
  ),
  // check revocation
  token_revoked: invalidToken('The access token has been revoked.'),
  // connect
  origin_not_allowed: notAllowed('Pages of this origin may not connect here.'),
  session_mismatch: invalidToken('The access token is for another user or session than this connection.'),
  // authorize
  insufficient_scope: forbidden('The access token does not have the required scope.'),
  actor_not_allowed: forbidden('This may only be called by another service on behalf of a user.'),
  context_not_supported: forbidden('This kind of call is not supported.'),
  // relay
  exchange_refused: invalidToken('The access token was refused when it was to be exchanged.'),
});

export const OUTAGES = Object.freeze({
  keys_unavailable: { status: 503, text: 'The keys of the issuer can not be had at the moment.' },
  key_not_yet_known: { status: 503, text: 'The key of the access token is not known yet.' },
  revocation_unavailable: { status: 503, text: 'Whether the access token was revoked is not known.' },
  revocation_stale: { status: 503, text: 'What was revoked lately is not known at the moment.' },
  exchange_unavailable: { status: 503, text: 'The access token can not be exchanged at the moment.' },
  relay_impossible: { status: 503, text: 'The call can not be passed on in the way that it came.' },
  deadline_exceeded: { status: 504, text: 'The time that was given for this is over.' },
  relay_token_refused: { status: 503, text: 'A service refused the token that it was called with.' },
  upstream_unreachable: { status: 502, text: 'A service that is needed for this can not be reached.' },
  upstream_failed: { status: 502, text: 'A service that is needed for this failed.' },
  upstream_unavailable: { status: 503, text: 'A service that is needed for this can not answer at the moment.' },
  upstream_timeout: { status: 504, text: 'A service that is needed for this did not answer in time.' },
} satisfies Record<string, OutageRow>);

export type RejectionCode = keyof typeof REJECTIONS;
export type OutageCode = keyof typeof OUTAGES;

/** Every code of a rejection; with `OUTAGE_CODES` all that a metric or a translation has to know. */
export const REJECTION_CODES = Object.freeze(Object.keys(REJECTIONS) as RejectionCode[]);
export const OUTAGE_CODES = Object.freeze(Object.keys(OUTAGES) as OutageCode[]);

export type Code = RejectionCode | OutageCode;

/** Seconds after which asking again is worth while, for `Retry-After`. */
export const RETRY_AFTER_SECONDS = 2;

interface RefusalOptions {
  /** For the log only: more about the reason. Must hold no token and no unverified claim. */
  readonly debug?: string;
  readonly cause?: unknown;
}

/**
 * An error that is an answer, not a fault: it has no stack. To capture one takes longer than all else that there is to a
 * refusal, and whoever floods a service with bad tokens would have it done for each.
 */
class Answer extends Error {
  constructor(message: string, options: ErrorOptions) {
    const { stackTraceLimit } = Error;
    // Where `Error` is frozen it stays as it is, and there is a stack.
    Reflect.set(Error, 'stackTraceLimit', 0);
    try {
      super(message, options);
    } finally {
      Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    }
  }
}

/** The token, or the request that carries it, is bad: 400, 401 or 403. */
export class TokenRejected extends Answer {
  override readonly name = 'TokenRejected';
  readonly status: RejectionRow['status'];
  readonly error: BearerError | undefined;
  readonly debug: string | undefined;
  /** The scopes that were required, for the `scope` attribute of the challenge. */
  readonly requiredScopes: readonly string[] | undefined;

  constructor(
    readonly code: RejectionCode,
    options: RefusalOptions & { requiredScopes?: readonly string[] } = {},
  ) {
    super(REJECTIONS[code].text, { cause: options.cause });
    this.status = REJECTIONS[code].status;
    this.error = REJECTIONS[code].error;
    this.debug = options.debug;
    this.requiredScopes = options.requiredScopes;
  }
}

/** It could not be decided, or not be done: 503 (502 and 504 for a hop). Never a reason to log a user out. */
export class VerifierUnavailable extends Error {
  override readonly name = 'VerifierUnavailable';
  readonly status: OutageRow['status'];
  readonly debug: string | undefined;
  /** The service that it failed at, by the name of its relay contract. */
  readonly hop: string | undefined;

  constructor(
    readonly code: OutageCode,
    options: RefusalOptions & { readonly hop?: string } = {},
  ) {
    super(OUTAGES[code].text, { cause: options.cause });
    this.status = OUTAGES[code].status;
    this.debug = options.debug;
    this.hop = options.hop;
  }
}

export type Refusal = TokenRejected | VerifierUnavailable;

export function isRefusal(value: unknown): value is Refusal {
  return value instanceof TokenRejected || value instanceof VerifierUnavailable;
}
