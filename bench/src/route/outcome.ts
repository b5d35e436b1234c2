import { randomUUID } from 'node:crypto';
import { type Served } from '../harness/served';
import { type Answer, NOBODY } from './answer';
import { type Credentials } from './credentials';
import { type RouteContender } from './contenders';

export const PATH = '/documents';

/** @throws Error for a contender that answers somebody else, or somebody who has to be refused */
export async function checkOutcome(
  { url, label }: Served,
  { tokens }: RouteContender,
  credentials: Credentials,
): Promise<void> {
  if (tokens === 'none') {
    expect(await subjectFor(url), NOBODY, label);
    return;
  }
  const subject = randomUUID();
  expect(await subjectFor(url, await credentials.of(subject)), subject, label);
  expect(await statusFor(url), 401, `${label}, without a token`);
  for (const [what, authorization] of Object.entries(await credentials.bad()))
    expect(await statusFor(url, authorization), 401, `${label}, ${what}`);
}

async function subjectFor(url: string, authorization?: string): Promise<string> {
  const response = await ask(url, authorization);
  return ((await response.json()) as Answer).subject;
}

async function statusFor(url: string, authorization?: string): Promise<number> {
  const response = await ask(url, authorization);
  await response.arrayBuffer();
  return response.status;
}

export function ask(url: string, authorization?: string): Promise<Response> {
  return fetch(`${url}${PATH}`, { headers: authorization === undefined ? {} : { authorization } });
}

function expect(value: unknown, expected: unknown, who: string): void {
  if (value !== expected) throw new Error(`${who}: ${String(value)} instead of ${String(expected)}`);
}
