import { type AttackSupplies } from './attack-supplies';
import { type Answer, type ForgedRequest, type FrontDoor } from './front-door';
import { notReady } from './not-ready';

export type AttackName =
  | 'alg-none'
  | 'hs-rs-confusion'
  | 'tampered-claims'
  | 'wrong-audience'
  | 'expired'
  | 'unknown-kid'
  | 'replayed-refresh'
  | 'spoofed-headers'
  | 'foreign-host';

/** What an attack is made of: nothing that its caller couldn't get at with other means. */
export interface Attacker {
  /** The caller's own token, which the guard has let in. */
  readonly token: string;
  /** Where the forged request goes: to the gateway itself, by its own port. */
  readonly door: Pick<FrontDoor, 'send'>;
  readonly supplies: Pick<AttackSupplies, 'keySet' | 'tokenForResource' | 'expiredToken' | 'account' | 'graceMs'>;
  /** Aborted when the caller doesn't wait any more. */
  readonly signal: AbortSignal;
}

/** One way to get in that is shown not to be one. Each has a file of its own. */
export interface Attack {
  readonly name: AttackName;
  readonly title: string;
  /** What is sent, and why somebody would try. */
  readonly explanation: string;
  /** What it is that refuses it. */
  readonly why: string;
  /** @throws ProblemException, and whatever the relay throws, where it can't even be tried */
  run(attacker: Attacker): Promise<Outcome>;
}

/** What was sent, and what came back. */
export interface Outcome {
  readonly request: ShownRequest;
  readonly response: ShownResponse;
  /** Whether it got nothing. */
  readonly wasRefused: boolean;
}

export interface ShownRequest {
  readonly method: string;
  readonly path: string;
  /** What proves something is cut. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ShownResponse {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

export interface AttackResult extends Outcome {
  readonly title: string;
  readonly why: string;
}

/**
 * What is shown of a request that was answered as it should be, or wasn't.
 *
 * @throws ProblemException 503 `attack_not_ready` where nobody has judged it: that refuses nothing
 */
export function outcomeOf(request: ForgedRequest, shown: Readonly<Record<string, string>>, answer: Answer): Outcome {
  const { method, path } = request;
  if (answer.status >= 500 || answer.status === 429) {
    throw notReady(`The gateway can not judge it at the moment: ${answer.code ?? `status ${answer.status}`}.`);
  }
  return {
    request: { method, path, headers: { ...request.headers, ...shown } },
    response: responseOf(answer),
    wasRefused: answer.status >= 400,
  };
}

function responseOf({ status, code, detail }: Answer): ShownResponse {
  return { status, ...(code !== undefined && { code }), ...(detail !== undefined && { detail }) };
}
