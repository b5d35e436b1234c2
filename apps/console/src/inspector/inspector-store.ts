import { inspectToken } from '../api/gateway';
import { type DecisionTrace } from '../api/types';
import { userLoader } from '../loading';
import { session } from '../session';

interface Inspected {
  readonly trace: DecisionTrace;
  /** Whether it was the session's own token, and not the one in the field. */
  readonly isOwn: boolean;
}

export const decision = userLoader<Inspected>();

export async function inspect(token: string, isPublic: boolean): Promise<void> {
  await decision.load(async () => ({ trace: await inspectToken(token, isPublic), isOwn: false }));
}

/** The session's own token, which isn't put where it could be read or copied. */
export async function inspectOwn(isPublic: boolean): Promise<void> {
  await decision.load(async () => {
    const token = await session.accessToken();
    return { trace: await inspectToken(token, isPublic), isOwn: true };
  });
}
