import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { type CallState } from '../nest/call-state';
import { type RpcRefusal } from '../nest/problem';

/** What a destination over RPC says is wrong with a call: an object like `RpcRefusal`, a team's own or ours. */
export interface DestinationRefusal {
  readonly status: number;
  readonly code: string;
  readonly error?: unknown;
  readonly error_description?: unknown;
}

/** @returns `undefined` for anything else than the refusal of a call that is wrong (4xx) */
export function destinationRefusal(answer: unknown): DestinationRefusal | undefined {
  const { status, code } = (answer ?? {}) as Partial<Record<keyof DestinationRefusal, unknown>>;
  const isRefusal = typeof status === 'number' && status >= 400 && status < 500 && typeof code === 'string';
  return isRefusal ? (answer as DestinationRefusal) : undefined;
}

/** The same, as the current call has to answer it: with the destination's status and code. */
export function destinationRefused(call: CallState | undefined, refusal: DestinationRefusal): Error {
  const { status, code } = refusal;
  const title = STATUS_CODES[status] ?? 'Error';
  const detail = typeof refusal.error_description === 'string' ? refusal.error_description : title;
  const answer: RpcRefusal = {
    status,
    code,
    error: typeof refusal.error === 'string' ? refusal.error : 'invalid_request',
    error_description: detail,
    ...(call && { transactionId: call.transactionId }),
  };
  const ofItsKind = call?.refuseAs(answer);
  if (ofItsKind) return ofItsKind;
  const { transactionId } = answer;
  const problem = { type: 'about:blank', title, status, code, detail, ...(transactionId && { transactionId }) };
  return new HttpException(problem, status);
}
