import { ProblemException } from '@token-relay/service-kit';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Attack, outcomeOf, type Outcome } from './attack';
import { withoutSignature } from './forged-token';
import { type Answer } from './front-door';
import { ASKED_PATH } from './with-token';

const whoami = z.object({
  hops: z.array(z.object({ service: z.string(), subject: z.string() })).min(1),
});

export const spoofedHeaders: Attack = {
  name: 'spoofed-headers',
  title: 'Headers that say who calls',
  explanation:
    'A good token, and beside it whatever some proxy, mesh or framework would believe: another user, another ' +
    'address, a transaction, a token for it. It is not refused; the question is what of it arrives.',
  why:
    'What passes is a list of what may, and none of these names is on it. Behind the gateway a service believes the ' +
    'token that was made for it, and the transaction that the gateway has named.',
  async run({ token, door, signal }) {
    const forged = forgedHeaders();
    const request = {
      method: 'GET',
      path: ASKED_PATH,
      headers: { authorization: `Bearer ${token}`, ...forged },
    } as const;
    const answer = await door.send(request, signal);
    const outcome = outcomeOf(request, { authorization: `Bearer ${withoutSignature(token)}` }, answer);
    if (answer.status === 200) return judged(outcome, answer, forged);
    // It is the token that wasn't good enough: what stood beside it nobody has looked at.
    throw new ProblemException(
      answer.status,
      answer.code ?? 'request_refused',
      answer.detail ?? 'The call was refused.',
    );
  },
};

/** Each with a value that nothing else has: where it turns up, it has arrived. */
function forgedHeaders(): Readonly<Record<string, string>> {
  const mark = `forged-${randomUUID()}`;
  return {
    'x-user-id': `${mark}-user`,
    'x-user-roles': `${mark}-admin`,
    'x-forwarded-user': `${mark}-user-behind-a-proxy`,
    'remote-user': `${mark}-remote-user`,
    'x-forwarded-for': '203.0.113.66',
    forwarded: 'for=203.0.113.66;host=evil.test',
    'x-original-url': `/admin/keys?${mark}`,
    'x-transaction-id': `${mark}-transaction`,
    'txn-token': `${mark}-txn-token`,
  };
}

/** By what each service of the chain says of the call. */
function judged(outcome: Outcome, { text }: Answer, forged: Readonly<Record<string, string>>): Outcome {
  const names = Object.keys(forged);
  const arrived = names.filter((name) => text.includes(forged[name] ?? name));
  const hops = whoami.parse(JSON.parse(text)).hops;
  const isForOne = new Set(hops.map(({ subject }) => subject)).size === 1;
  const { status } = outcome.response;
  if (arrived.length > 0) return { ...outcome, response: { status, detail: `Arrived: ${arrived.join(', ')}.` } };
  if (!isForOne) return { ...outcome, response: { status, detail: 'Not all services take the caller for the same.' } };
  const services = hops.map(({ service }) => service).join(', ');
  const detail = `Of ${names.length} headers nothing has arrived: ${services} know the caller by the token alone.`;
  return { ...outcome, response: { status, detail }, wasRefused: true };
}
