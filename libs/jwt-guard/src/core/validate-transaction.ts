import { type Principal, principalId } from './principal';
import { TokenRejected } from './refusals';
import { type Members, type ValidatedTransaction, type VerifiedToken } from './token-states';
import { type Transaction } from './transaction';
import { isTransactionId } from './transaction-id';
import { scopes, text, validTimes } from './validate-claims';
import { type IssuerPolicy } from './verifier-options';

/** `typ` of draft-ietf-oauth-transaction-tokens. */
export const TRANSACTION_TYPE = 'txntoken+jwt';

/** How the transaction tokens of an issuer have to be. */
export interface TransactionRules {
  /** Exactly what `aud` must be. */
  readonly trustDomain: string;
  /** The longest `exp - iat` that is accepted, in seconds. */
  readonly maxLifetimeSeconds: number;
}

/**
 * @throws TokenRejected `transaction_not_accepted`, `typ_not_allowed`: no other spelling, for one system mints and reads
 *   them
 */
export function checkTransactionType(typ: unknown, { transactions }: IssuerPolicy): void {
  if (!transactions) throw new TokenRejected('transaction_not_accepted', { debug: 'transactions' });
  if (typ !== TRANSACTION_TYPE) throw new TokenRejected('typ_not_allowed', { debug: 'typ' });
}

/**
 * The claims of a transaction token (draft-ietf-oauth-transaction-tokens). What access tokens have, and these don't –
 * `client_id`, `jti` –, isn't read: nothing may come to depend on it.
 *
 * Nothing in here depends on when it is asked: `checkTimes` does.
 *
 * @throws TokenRejected `claim_missing`, `claim_malformed`, `issuer_not_trusted`, `proof_required`, `lifetime_too_long`,
 *   `audience_mismatch`, `transaction_not_accepted`
 */
export function validateTransaction(token: VerifiedToken): ValidatedTransaction {
  const { raw, issuer, key, claims } = token;
  const rules = issuer.transactions;
  if (!rules) throw new TokenRejected('transaction_not_accepted', { debug: 'transactions' });
  if (claims.iss !== issuer.issuer) throw new TokenRejected('issuer_not_trusted', { debug: 'iss' });
  // Bound to a key (RFC 7800) whose proof nobody here asks for: it would serve a thief as well.
  if (claims.cnf !== undefined) throw new TokenRejected('proof_required', { debug: 'cnf' });
  const subject = text(claims, ['sub'], true);
  const times = validTimes(claims, rules.maxLifetimeSeconds, 'transactions.maxLifetimeSeconds');
  requireTrustDomain(claims, rules);
  const transaction: Transaction = Object.freeze({
    id: principalId(issuer.issuer, subject),
    subject,
    issuer: issuer.issuer,
    trustDomain: rules.trustDomain,
    transactionId: transactionId(claims),
    scopes: requiredScopes(claims),
    requestingWorkload: text(claims, ['req_wl'], true),
    details: members(claims, 'tctx'),
    context: members(claims, 'rctx'),
    sessionId: text(claims, ['sid'], false),
    expiresAt: times.expiresAt,
    keyId: key.kid,
    algorithm: key.algorithm,
    claims,
  });
  return { raw, issuer, key, principal: subjectOf(transaction), transaction, ...times } as ValidatedTransaction;
}

/** For sources of revocations, which judge principals. It never leaves the verifier: it calls nobody. */
function subjectOf(transaction: Transaction): Principal {
  const { id, subject, issuer, trustDomain, scopes, sessionId, transactionId, expiresAt } = transaction;
  const { keyId, algorithm, claims } = transaction;
  return Object.freeze({
    id,
    subject,
    issuer,
    audience: trustDomain,
    scopes,
    roles: NONE,
    clientId: undefined,
    sessionId,
    tokenId: undefined,
    actor: NONE,
    transactionId,
    expiresAt,
    keyId,
    algorithm,
    claims,
  });
}

const NONE: readonly string[] = Object.freeze([]);

/** A list is refused even if it has but this one: the token is for one domain, and says so. */
function requireTrustDomain({ aud }: Members, { trustDomain }: TransactionRules): void {
  if (aud === undefined) throw new TokenRejected('claim_missing', { debug: 'aud' });
  if (typeof aud !== 'string') throw new TokenRejected('claim_malformed', { debug: 'aud' });
  if (aud !== trustDomain) throw new TokenRejected('audience_mismatch', { debug: 'transactions.trustDomain' });
}

function transactionId({ txn }: Members): string {
  if (txn === undefined) throw new TokenRejected('claim_missing', { debug: 'txn' });
  if (!isTransactionId(txn)) throw new TokenRejected('claim_malformed', { debug: 'txn' });
  return txn;
}

/** What nobody has said what it is for is for nothing. */
function requiredScopes(claims: Members): readonly string[] {
  if (claims.scope === undefined) throw new TokenRejected('claim_missing', { debug: 'scope' });
  const words = scopes(claims, ['scope']);
  if (words.length === 0) throw new TokenRejected('claim_malformed', { debug: 'scope' });
  return words;
}

function members(claims: Members, name: 'tctx' | 'rctx'): Members | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenRejected('claim_malformed', { debug: name });
  }
  return value as Members;
}
