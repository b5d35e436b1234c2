import { type Principal } from './principal';
import { TokenRejected } from './refusals';
import { type ValidatedTransaction } from './token-states';
import { type Transaction } from './transaction';

/**
 * An access token that a service has been given for itself: a transaction token says for whom it calls, and would say
 * so beside a user's token too, whoever has stolen either.
 *
 * @throws TokenRejected `service_token_required`
 */
export function requireServiceToken({ subject, clientId, actor, sessionId }: Principal): void {
  if (subject !== clientId) throw new TokenRejected('service_token_required', { debug: 'sub is not client_id' });
  if (actor.length > 0) throw new TokenRejected('service_token_required', { debug: 'act' });
  if (sessionId !== undefined) throw new TokenRejected('service_token_required', { debug: 'sid' });
}

/**
 * For whom a service calls that sends a transaction token beside its own: the subject is the transaction's, the actor
 * is the service.
 *
 * @throws TokenRejected `service_token_required`, also for one of another issuer
 */
function actingFor(service: Principal, transaction: Transaction): Principal {
  requireServiceToken(service);
  if (service.issuer !== transaction.issuer) throw new TokenRejected('service_token_required', { debug: 'iss' });
  return Object.freeze({
    id: transaction.id,
    subject: transaction.subject,
    issuer: transaction.issuer,
    audience: service.audience,
    scopes: transaction.scopes,
    roles: NONE,
    clientId: service.clientId,
    sessionId: transaction.sessionId,
    tokenId: undefined,
    actor: Object.freeze([service.subject]),
    transactionId: transaction.transactionId,
    expiresAt: Math.min(service.expiresAt, transaction.expiresAt),
    keyId: transaction.keyId,
    algorithm: transaction.algorithm,
    claims: transaction.claims,
  });
}

const NONE: readonly string[] = Object.freeze([]);

/** What is behind a principal that two tokens speak for. */
interface Acting {
  readonly service: Principal;
  readonly transaction: ValidatedTransaction;
  readonly principal: Principal;
}

/** One principal for the same two tokens, so that calls with them share it; and what is behind each. */
export class ActingServices {
  readonly #acting = new WeakMap<Principal, Acting>();
  /** By transaction: which service called with it last, as one mostly does again. */
  readonly #latest = new WeakMap<ValidatedTransaction, Acting>();

  /** @throws TokenRejected `service_token_required` */
  of(service: Principal, transaction: ValidatedTransaction): Principal {
    const latest = this.#latest.get(transaction);
    if (latest?.service === service) return latest.principal;
    const acting = { service, transaction, principal: actingFor(service, transaction.transaction) };
    this.#latest.set(transaction, acting);
    this.#acting.set(acting.principal, acting);
    return acting.principal;
  }

  /** `undefined` for a principal that one token speaks for. */
  behind(principal: Principal): Acting | undefined {
    return this.#acting.get(principal);
  }
}
