import { inspectToken } from '../api/gateway';
import { type DecisionTrace } from '../api/types';
import { userLoader } from '../loading';
import { session } from '../session';

export const decision = userLoader<DecisionTrace>();

export async function inspect(token: string, isPublic: boolean): Promise<void> {
  await decision.load(() => inspectToken(token, isPublic));
}

/** The session's own token, which isn't put where it could be read or copied. */
export async function inspectOwn(isPublic: boolean): Promise<void> {
  await decision.load(async () => inspectToken(await session.accessToken(), isPublic));
}
