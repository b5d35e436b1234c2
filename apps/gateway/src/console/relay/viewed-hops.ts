import { type DecisionTrace } from '@token-relay/jwt-guard';
import { type Hop } from '@token-relay/service-kit';
import { z } from 'zod';
import { serviceOfContract } from './relay-view-contracts';

/** Far more than any chain has to say, explained and all. */
export const MAX_ANSWER_BYTES = 256 * 1024;

/** The token that a service was called with, without its signature. */
export type TokenView = DecisionTrace['token'];

/** What a service says of the call, and the token that it got, where the service explains that. */
export interface ViewedHop {
  readonly service: string;
  readonly received?: TokenView;
  readonly trace?: DecisionTrace;
  /** The other members of `Hop`, as the service has them. */
  readonly [member: string]: unknown;
}

/** Why there are no more hops. */
export interface ViewedRefusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** At which service, by the name that its caller has for it, where one tells of another. */
  readonly hop?: string;
  /** In words, where more is known here than the code says. */
  readonly why?: string;
}

const token = z.looseObject({ redacted: z.string(), bytes: z.number(), verified: z.boolean() });
const hop = z.looseObject({ service: z.string(), trace: z.looseObject({ token }).optional() });
const whoami = z.object({ hops: z.array(hop) });
const problem = z.object({ code: z.string(), detail: z.string(), hop: z.string().optional() });

/** The gateway's own. */
export function viewedHop({ trace, ...rest }: Hop): ViewedHop {
  return { ...rest, ...(trace && { received: trace.token, trace }) };
}

/** Those that the next service has answered. @throws ZodError for anything else */
export function viewedHops(answer: unknown): readonly ViewedHop[] {
  return whoami.parse(answer).hops.map(({ trace, ...rest }) => ({
    ...rest,
    // Its shape is that of the service's own version, which may have more or less; nothing here is decided by it.
    ...(trace && { received: trace.token, trace: trace as unknown as DecisionTrace }),
  }));
}

/** What a problem document says; `undefined` where it is none. */
export function problemIn(status: number, text: string): ViewedRefusal | undefined {
  try {
    const { data } = problem.safeParse(JSON.parse(text));
    if (!data) return undefined;
    const { hop, ...rest } = data;
    return { status, ...rest, ...(hop !== undefined && { hop: serviceOfContract(hop) }) };
  } catch {
    return undefined;
  }
}
