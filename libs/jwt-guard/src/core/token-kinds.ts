import { TokenRejected } from './refusals';
import { checkAccessType } from './select-issuer';
import { type ValidatedToken, type ValidatedTransaction, type VerifiedToken } from './token-states';
import { validateClaims } from './validate-claims';
import { checkTransactionType, validateTransaction } from './validate-transaction';
import { type VerdictCache } from './verdict-cache';
import { type IssuerPolicy, type VerifierPolicy } from './verifier-options';

/**
 * What sets the tokens of one kind apart, so that none is ever taken for one of another kind (RFC 8725, section 3.12).
 * What is known of a kind is remembered apart from the others, too.
 */
export interface TokenKind<Token extends ValidatedToken> {
  /** @throws TokenRejected for a `typ` that the issuer's tokens of this kind don't have */
  checkType(typ: unknown, issuer: IssuerPolicy): void;
  /** @throws TokenRejected */
  validate(token: VerifiedToken): Token;
  verdicts(policy: VerifierPolicy): VerdictCache<Token>;
  /** What the caller is told in place of it. */
  told(refusal: unknown): unknown;
}

export const ACCESS_TOKEN: TokenKind<ValidatedToken> = Object.freeze({
  checkType: checkAccessType,
  validate: validateClaims,
  verdicts: (policy: VerifierPolicy) => policy.verdicts,
  told: (refusal: unknown) => refusal,
});

export const TRANSACTION_TOKEN: TokenKind<ValidatedTransaction> = Object.freeze({
  checkType: checkTransactionType,
  validate: validateTransaction,
  verdicts: (policy: VerifierPolicy) => policy.transactionVerdicts,
  told: ofTransaction,
});

/** So that nobody who sends two tokens takes what is said of the one for the other's. */
function ofTransaction(refusal: unknown): unknown {
  if (!(refusal instanceof TokenRejected) || refusal.code === 'transaction_not_accepted') return refusal;
  const { code, debug, cause } = refusal;
  return new TokenRejected(code === 'token_expired' ? 'transaction_expired' : 'transaction_invalid', {
    debug: debug === undefined ? code : `${code}: ${debug}`,
    cause,
  });
}
