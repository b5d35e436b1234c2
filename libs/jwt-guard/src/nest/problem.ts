import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { bearerChallenge } from '../core/bearer-challenge';
import { type Refusal, RETRY_AFTER_SECONDS, TokenRejected, VerifierUnavailable } from '../core/refusals';

/** A problem document (RFC 9457) with a stable `code` for machines. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly transactionId?: string;
  /** The service that it failed at, where that is another than the one that answers. */
  readonly hop?: string;
}

export function toProblem(refusal: Refusal, transactionId: string | undefined): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[refusal.status] ?? 'Error',
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
    ...(transactionId === undefined ? {} : { transactionId }),
    ...hopOf(refusal),
  };
}

function hopOf(refusal: Refusal): { readonly hop?: string } {
  return refusal instanceof VerifierUnavailable && refusal.hop !== undefined ? { hop: refusal.hop } : {};
}

/**
 * Makes of refusals what Nest's own filter, and every filter that a team may have, answers as it should, after
 * setting the headers that belong to the answer.
 */
export function httpRefusals(setHeader: (name: string, value: string) => void, realm: string) {
  return (refusal: Refusal, transactionId: string): HttpException => {
    if (refusal instanceof TokenRejected) setHeader('WWW-Authenticate', bearerChallenge(refusal, realm));
    else setHeader('Retry-After', String(RETRY_AFTER_SECONDS));
    const problem = toProblem(refusal, transactionId);
    const exception = new HttpException({ ...problem }, refusal.status, { cause: refusal });
    // GraphQL shows of an error its message, and what is in its `extensions`.
    return Object.assign(exception, { message: refusal.message, extensions: problem });
  };
}

/** What an RPC caller gets instead of "Internal server error". */
export interface RpcRefusal {
  readonly status: number;
  readonly code: string;
  readonly error: string;
  readonly error_description: string;
  readonly transactionId?: string;
  readonly hop?: string;
}

export function toRpcRefusal(refusal: Refusal, transactionId: string | undefined): RpcRefusal {
  return {
    status: refusal.status,
    code: refusal.code,
    error: refusal instanceof TokenRejected ? (refusal.error ?? 'invalid_token') : 'temporarily_unavailable',
    error_description: refusal.message,
    ...(transactionId === undefined ? {} : { transactionId }),
    ...hopOf(refusal),
  };
}
