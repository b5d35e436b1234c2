import { strict as assert } from 'node:assert';
import { decoded } from '../harness/auth';
import { type Contender } from './contenders';
import { type UserToken } from './scene';
import { DOCUMENTS, SEEN } from './upstream';

export const PATH = '/api/documents';

/** That a contender does what it is measured with. @throws AssertionError */
export async function checkOutcome(
  { label, verifies, passesOn }: Contender,
  origin: string,
  { token, subject }: UserToken,
): Promise<void> {
  const valid = await asked(`${origin}${PATH}`, token);
  assert.deepEqual([valid.status, valid.text], [200, DOCUMENTS], `${label} does not answer what the service does`);
  const seen = (await asked(`${origin}${PATH}${SEEN}`, token)).text;
  if (passesOn === 'none') assert.equal(seen, '', `${label} passes a token on`);
  else if (passesOn === 'own') assert.equal(seen, `Bearer ${token}`, `${label} passes on something else`);
  else assertOurs(label, seen, token, subject);
  if (!verifies) return;
  const refused = await Promise.all([undefined, broken(token), 'garbage'].map((one) => asked(`${origin}${PATH}`, one)));
  assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([401]), `${label} takes what is no token`);
}

/** In `transaction` the token is the gateway's own, and says nothing of the user. */
function assertOurs(label: string, seen: string, token: string, subject: string): void {
  assert.notEqual(seen, `Bearer ${token}`, `${label} passes on the caller's own token`);
  const { aud, sub, act } = decoded(seen.slice('Bearer '.length), 1);
  assert.equal(aud, 'resource', `${label} passes on a token for somebody else`);
  if (act !== undefined) assert.equal(sub, subject, `${label} passes on a token of somebody else`);
}

/** With another signature, of the same length. */
function broken(token: string): string {
  const at = token.lastIndexOf('.') + 10;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

async function asked(
  url: string,
  token: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, text: await answer.text() };
}
