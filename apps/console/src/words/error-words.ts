export interface ErrorWords {
  /** What it means, for somebody who doesn't know the code. */
  readonly means: string;
  /** What to do about it. */
  readonly help?: string;
}

const AGAIN = 'Nothing is decided, and nobody is logged out: try again in some seconds.';
const LOG_IN = 'Log in again.';
const CALLER = 'The caller has to change its request.';
const ATTACK = 'An honest client never sends that: look at where the token comes from.';
const SETUP = 'Something is set up wrongly: look at the configuration.';

/** Why it was no, in words, for every code of docs/errors.md and what the page finds out itself. */
export const ERROR_WORDS: Readonly<Record<string, ErrorWords>> = {
  // The request, before anybody looks at the token.
  token_missing: { means: 'The call came without an access token.', help: LOG_IN },
  authorization_malformed: { means: 'The Authorization header is not “Bearer”, a space, and a token.', help: CALLER },
  authorization_repeated: {
    means: 'There were two Authorization headers, and two services could each believe another one.',
    help: CALLER,
  },
  token_repeated: { means: 'The token came in two ways at once, so that it isn’t clear which counts.', help: CALLER },
  transaction_repeated: { means: 'There were two Txn-Token headers, and only one can count.', help: CALLER },
  context_malformed: { means: 'What the call says of itself besides the token can’t be read.', help: CALLER },
  token_in_url: { means: 'The token stood in the URL, where logs and histories keep it.', help: CALLER },
  // The token’s form.
  token_too_large: { means: 'The token is larger than any that is issued here, and isn’t even read.', help: ATTACK },
  token_malformed: { means: 'That is no signed JWT: three parts in base64url, the first two JSON.', help: ATTACK },
  alg_not_allowed: {
    means: 'The token asks to be checked by an algorithm that isn’t allowed, such as none, or a shared secret.',
    help: ATTACK,
  },
  header_not_allowed: {
    means: 'The token brings, or points to, its own key. Keys come from the issuer alone.',
    help: ATTACK,
  },
  typ_not_allowed: { means: 'It is a JWT, but of another kind than an access token.', help: CALLER },
  kid_missing: { means: 'The token doesn’t say which key has signed it.', help: ATTACK },
  // Its issuer and key.
  issuer_not_trusted: { means: 'The token is from somebody who isn’t trusted here.', help: CALLER },
  key_unknown: {
    means: 'The issuer doesn’t publish the key that the token names, also not when asked anew.',
    help: 'If auth has made new keys, as the demo’s does at each start, log in again. If not, no honest client sends that.',
  },
  key_revoked: {
    means: 'The key that has signed the token was compromised: whatever it has signed is refused, for ever.',
    help: 'The next refresh brings a token of the next key: after two compromises in a row, that takes up to ten seconds.',
  },
  key_alg_mismatch: { means: 'The key is for another algorithm than the token says.', help: ATTACK },
  signature_invalid: { means: 'Somebody has changed the token, or it was never signed by this key.', help: ATTACK },
  // Its claims.
  claim_missing: { means: 'The token doesn’t say something that has to be said, such as for whom it is.' },
  claim_malformed: { means: 'Something that the token says isn’t of the form that it has to have.' },
  audience_mismatch: {
    means: 'The token is for another service. Each one takes only what was issued for it.',
    help: 'Whoever calls has to exchange the token for one of that audience.',
  },
  token_expired: { means: 'The token was good once, and its time is over.', help: 'The session gets the next one.' },
  token_not_yet_valid: { means: 'The token is for later.', help: 'Look at the clocks of both machines.' },
  token_issued_in_future: {
    means: 'The token says that it was issued later than now.',
    help: 'Look at the clocks of both machines.',
  },
  lifetime_too_long: { means: 'The token would live longer than is allowed here, whoever has signed it.' },
  not_an_access_token: { means: 'The token is for something else, such as to say who has logged in.', help: CALLER },
  proof_required: { means: 'The token is bound to a key, and nobody has shown that they have it.' },
  // Transactions.
  transaction_not_accepted: { means: 'This service takes no transaction tokens.', help: SETUP },
  transaction_invalid: { means: 'The transaction token isn’t what it has to be.', help: ATTACK },
  transaction_expired: { means: 'The transaction has taken longer than its token lives.', help: 'Begin it again.' },
  service_token_required: {
    means: 'A transaction token opens nothing by itself: the service that calls has to bring a token of its own.',
  },
  // Whether it still counts.
  token_revoked: {
    means: 'The token, or the session that it belongs to, was ended before its time.',
    help: LOG_IN,
  },
  session_mismatch: { means: 'The token is of another user or session than the connection began with.', help: LOG_IN },
  origin_not_allowed: {
    means: 'A page of another origin isn’t let in.',
    help: 'Open the console at the gateway’s own address.',
  },
  // What it is good for.
  insufficient_scope: {
    means: 'The token is good, but its scopes don’t allow this.',
    help: 'Log in as somebody who may.',
  },
  actor_not_allowed: { means: 'Only another service may call this, on behalf of a user.' },
  context_not_supported: { means: 'Calls of this kind aren’t supported here.' },
  exchange_refused: { means: 'Auth didn’t exchange the token for one of the next service.', help: LOG_IN },
  // Not decided.
  keys_unavailable: { means: 'The issuer’s keys can’t be had now, so that no signature can be checked.', help: AGAIN },
  key_not_yet_known: { means: 'The key is new, and this service hasn’t fetched it yet.', help: AGAIN },
  revocation_unavailable: { means: 'Nobody can say now whether the token was revoked.', help: AGAIN },
  revocation_stale: { means: 'What was revoked in the last seconds isn’t known here now.', help: AGAIN },
  exchange_unavailable: {
    means: 'Auth doesn’t answer, so that no token can be had for the next service.',
    help: AGAIN,
  },
  relay_impossible: { means: 'The call can’t go on to the next service in the way that it came.', help: SETUP },
  deadline_exceeded: { means: 'The time that was given for the whole call is over.', help: AGAIN },
  relay_token_refused: { means: 'The next service refused the token that it was called with.', help: SETUP },
  upstream_unreachable: { means: 'The next service can’t be reached.', help: AGAIN },
  upstream_failed: { means: 'The next service failed, or its answer can’t be read.', help: AGAIN },
  upstream_unavailable: { means: 'The next service is there, but can’t answer now.', help: AGAIN },
  upstream_timeout: { means: 'The next service didn’t answer in time.', help: AGAIN },
  // The request itself.
  malformed_request: { means: 'That isn’t HTTP, or contradicts itself.', help: CALLER },
  malformed_url: { means: 'The URL can’t be decoded.', help: CALLER },
  malformed_json: { means: 'The body isn’t JSON.', help: CALLER },
  validation_failed: { means: 'A field is missing or wrong.', help: CALLER },
  path_ambiguous: { means: 'Two servers could read this path in two ways.', help: CALLER },
  route_not_found: { means: 'There is nothing at this address.', help: 'This part of the console may be off here.' },
  method_not_allowed: { means: 'The address is there, but not for this method.', help: CALLER },
  request_timeout: { means: 'The request came too slowly.', help: AGAIN },
  body_too_large: { means: 'The body is larger than this route takes.', help: CALLER },
  url_too_long: { means: 'A part of the address is too long.', help: CALLER },
  unsupported_media_type: { means: 'The body is of a type that isn’t taken here.', help: CALLER },
  upgrade_required: { means: 'This address is for WebSockets.', help: CALLER },
  rate_limited: { means: 'You have asked this more often than one user may.', help: 'Wait a little.' },
  headers_too_large: { means: 'The headers are larger than is taken here.', help: CALLER },
  unauthorized: { means: 'The call was refused for want of a good token.', help: LOG_IN },
  forbidden: { means: 'The call was refused by something that says no more.' },
  request_refused: { means: 'The call was refused by something that says no more.' },
  internal_error: { means: 'That is a bug; the log has it, under the transaction id.' },
  unavailable: { means: 'That can’t be answered now.', help: AGAIN },
  not_ready: { means: 'The service has only just begun, and doesn’t have its keys yet.', help: AGAIN },
  // Logins and sessions.
  invalid_credentials: { means: 'The name or the password is wrong. Which one isn’t told.' },
  too_many_attempts: {
    means: 'Too many logins have failed, so that for a while even the right password is refused.',
    help: 'Wait, and try again.',
  },
  login_busy: { means: 'More people log in at this moment than passwords can be checked.', help: AGAIN },
  refresh_token_missing: { means: 'There is no session in this browser.', help: LOG_IN },
  session_ended: { means: 'The session has ended.', help: LOG_IN },
  csrf_header_missing: { means: 'The header that only the gateway’s own pages send is missing.', help: CALLER },
  session_not_found: { means: 'There is no such session any more.', help: 'Load the list anew.' },
  refresh_too_often: { means: 'The session was refreshed too often in a short time.', help: AGAIN },
  client_not_native: { means: 'A page can’t log in as an app on a device.', help: CALLER },
  auth_unavailable: {
    means: 'Auth can’t be reached: nobody can log in or refresh now. Tokens that are out go on working.',
    help: AGAIN,
  },
  store_unavailable: { means: 'The store doesn’t answer, so that nothing can be said for certain.', help: AGAIN },
  jti_never_issued: {
    means: 'The signature is good, but auth never issued the token: somebody else has the key.',
    help: 'Compromise the key, at once.',
  },
  client_scope_missing: { means: 'The service that asks may not do this.', help: SETUP },
  invalid_grant: { means: 'The refresh token doesn’t count any more, or was another client’s.', help: LOG_IN },
  // Keys.
  rotation_pending: {
    means: 'A rotation is planned already: the next key signs as soon as everybody had time to fetch it.',
    help: 'Wait for it.',
  },
  key_not_found: { means: 'There is no such key in the ring, and was none lately.', help: 'Load the ring anew.' },
  login_too_old: {
    means: 'Keys are a matter for somebody who has logged in within the last 15 minutes.',
    help: 'Log out, log in, and try again.',
  },
  // Documents.
  document_not_found: { means: 'There is no such document, or it is somebody else’s.' },
  too_many_documents: { means: 'Nobody may have more than 100 documents.' },
  // OAuth.
  invalid_client: { means: 'The client is unknown, or doesn’t authenticate as it has to.', help: SETUP },
  invalid_request: { means: 'A parameter is missing, there twice, or refused.', help: CALLER },
  invalid_target: { means: 'The service may not have tokens for this audience.', help: SETUP },
  unauthorized_client: { means: 'Clients of this kind may not ask for this.', help: SETUP },
  invalid_scope: { means: 'Nothing would be left of the scopes that were asked for.' },
  unsupported_grant_type: { means: 'Tokens aren’t given out in this way here.', help: CALLER },
  // The console’s own routes.
  console_busy: { means: 'As many pages as may follow the gateway’s events do already.', help: AGAIN },
  mode_not_available: { means: 'Calls aren’t relayed in this way here.', help: 'Choose another one.' },
  attack_not_found: { means: 'There is no attack of this name.' },
  attack_not_ready: { means: 'What the attack is made of can’t be had now.', help: AGAIN },
  // What the page, or the session client, finds out itself.
  network_failed: { means: 'The gateway can’t be reached.', help: AGAIN },
  timed_out: { means: 'The gateway didn’t answer in time.', help: AGAIN },
  temporarily_unavailable: { means: 'There is no token to be had at the moment.', help: AGAIN },
  session_changed: { means: 'Somebody has logged in or out meanwhile, so that this wasn’t sent.', help: 'Try again.' },
  unexpected_answer: { means: 'The answer isn’t one of a Token Relay gateway.', help: SETUP },
  token_not_for_origin: { means: 'The token wasn’t sent: it must not go there.', help: SETUP },
  storage_failed: { means: 'What keeps the session has failed.', help: AGAIN },
  client_closed: { means: 'This page has let go of its session.', help: 'Load the page anew.' },
  stream_ended: { means: 'The gateway has ended the stream of events, as it does when it restarts.' },
  page_failed: { means: 'That is a bug of this page.', help: 'Load the page anew.' },
};

/** Words for a code, known here or not. */
export function wordsFor(code: string): ErrorWords {
  return Object.hasOwn(ERROR_WORDS, code) ? (ERROR_WORDS[code] ?? UNKNOWN) : UNKNOWN;
}

/** Whose words above are for many causes. */
const GENERIC: ReadonlySet<string> = new Set([
  'context_malformed',
  'malformed_request',
  'invalid_request',
  'attack_not_ready',
  'unexpected_answer',
  'page_failed',
]);

/** Whether who has refused it says more of the cause than the words here do. */
export function isDetailWanted(code: string): boolean {
  return GENERIC.has(code) || !Object.hasOwn(ERROR_WORDS, code);
}

const UNKNOWN: ErrorWords = { means: 'It was refused with a code that this page has no words for.' };
