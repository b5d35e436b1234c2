import { type Attacker, outcomeOf, type Outcome } from './attack';
import { withoutSignature } from './forged-token';

/** What anybody may call who can read documents, and what tells for whom it takes them. */
export const ASKED_PATH = '/api/whoami';

/** Asks the gateway with this token, as any client would. */
export async function withToken({ door, signal }: Pick<Attacker, 'door' | 'signal'>, token: string): Promise<Outcome> {
  const request = { method: 'GET', path: ASKED_PATH, headers: { authorization: `Bearer ${token}` } } as const;
  const answer = await door.send(request, signal);
  return outcomeOf(request, { authorization: `Bearer ${withoutSignature(token)}` }, answer);
}
