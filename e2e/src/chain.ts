import { setTimeout as sleep } from 'node:timers/promises';
import { callRpc } from './rpc-client';
import { type ClientId, type Username } from './system';

/** The services that judge tokens, and what is needed to get some. */
export interface Services {
  readonly gateway: { readonly url: string };
  readonly resource: { readonly url: string };
  readonly audit: { readonly addresses: Readonly<Record<string, string>> };
  login(username: Username): Promise<string>;
  exchange(
    client: ClientId,
    token: string,
    audience: string,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, string>> }>;
}

/** A login's token, and those that the services along the way get for it. */
export interface Chain {
  readonly login: string;
  readonly resource: string;
  readonly audit: string;
}

/** What gateway, resource and audit say, each to the token that is meant for it: 200, or a code. */
export type Verdicts = readonly [gateway: Verdict, resource: Verdict, audit: Verdict];
export type Verdict = number | string;

export const ACCEPTED: Verdicts = [200, 200, 200];
export const REVOKED: Verdicts = ['token_revoked', 'token_revoked', 'token_revoked'];

/** Longer than any answer may take. */
const PATIENCE_MS = 8_000;

/** @throws Error when one of its tokens can't be had */
export async function makeChain(system: Services, username: Username = 'alice'): Promise<Chain> {
  const login = await system.login(username);
  const exchanged = async (client: ClientId, token: string, audience: string): Promise<string> => {
    const { status, body } = await system.exchange(client, token, audience);
    if (status !== 200) throw new Error(`no token for ${audience}: ${status} ${body.error ?? body.code}`);
    return body.access_token ?? '';
  };
  const resource = await exchanged('gateway', login, 'resource');
  return { login, resource, audit: await exchanged('resource', resource, 'audit') };
}

export const askGateway = (system: Pick<Services, 'gateway'>, token: string): Promise<Verdict> =>
  ask(`${system.gateway.url}/api/documents`, token);

export const askResource = (system: Pick<Services, 'resource'>, token: string): Promise<Verdict> =>
  ask(`${system.resource.url}/documents`, token);

export async function askAudit(system: Pick<Services, 'audit'>, token: string): Promise<Verdict> {
  const answer = await callRpc(system.audit.addresses.rpc ?? '', {
    pattern: 'audit.whoami',
    data: {},
    metadata: { authorization: `Bearer ${token}` },
  });
  return ((answer.err ?? {}) as { code?: string }).code ?? 200;
}

export function verdicts(system: Services, { login, resource, audit }: Chain): Promise<Verdicts> {
  return Promise.all([askGateway(system, login), askResource(system, resource), askAudit(system, audit)]);
}

/** Writes: what a service that is long behind doesn't do any more. */
export async function write(system: Pick<Services, 'gateway'>, token: string): Promise<Verdict> {
  return ask(`${system.gateway.url}/api/documents`, token, { title: 'written meanwhile' });
}

/** @returns the status of a success, the code of anything else */
export async function ask(url: string, token: string, body?: object): Promise<Verdict> {
  const answer = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body && { body: JSON.stringify(body) }),
  });
  const said = (await answer.json()) as { code?: string };
  return answer.ok ? answer.status : (said.code ?? answer.status);
}

/** Looks until it is as expected. Fails with what it is instead, when that takes too long. */
export async function until<Value>(limitMs: number, look: () => Promise<Value>, expected: Value): Promise<void> {
  const deadline = performance.now() + limitMs;
  let found = await look();
  while (JSON.stringify(found) !== JSON.stringify(expected) && performance.now() < deadline) {
    await sleep(20);
    found = await look();
  }
  expect(found).toEqual(expected);
}

/** A chain of a new login that is accepted everywhere; tried again until one is. */
export async function workingChain(system: Services, limitMs: number, username: Username = 'alice'): Promise<Chain> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    let why: unknown;
    try {
      const chain = await makeChain(system, username);
      why = await verdicts(system, chain);
      if (JSON.stringify(why) === JSON.stringify(ACCEPTED)) return chain;
    } catch (error) {
      why = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`no new login is accepted everywhere: ${JSON.stringify(why)}`, { cause: why });
    }
    await sleep(50);
  }
}

/** A chain that is accepted everywhere, for which nobody needs auth any more as long as it lives. */
export async function warmChain(system: Services, limitMs: number, username: Username = 'alice'): Promise<Chain> {
  const chain = await workingChain(system, limitMs, username);
  expect(await write(system, chain.login)).toBe(201);
  return chain;
}
