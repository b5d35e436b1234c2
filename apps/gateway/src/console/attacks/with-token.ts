import { setTimeout as sleep } from 'node:timers/promises';
import { type Attacker, outcomeOf, type Outcome } from './attack';
import { withoutSignature } from './forged-token';

/** What anybody may call who can read documents, and what tells for whom it takes them. */
export const ASKED_PATH = '/api/whoami';

/** Longer than the gateway lets pass between two times that it asks for keys which it doesn't know. */
const AGAIN_MS = 2_500;

/** Asks the gateway with this token, as any client would; again where it says that it can't tell yet. */
export async function withToken({ door, signal }: Pick<Attacker, 'door' | 'signal'>, token: string): Promise<Outcome> {
  const request = { method: 'GET', path: ASKED_PATH, headers: { authorization: `Bearer ${token}` } } as const;
  let answer = await door.send(request, signal);
  if (answer.code === 'key_not_yet_known') {
    await sleep(AGAIN_MS, undefined, { signal });
    answer = await door.send(request, signal);
  }
  return outcomeOf(request, { authorization: `Bearer ${withoutSignature(token)}` }, answer);
}
