import { session } from '../session';
import { readAnswer } from './read-answer';
import {
  type AttackList,
  type AttackResult,
  type DecisionTrace,
  type DemoAccount,
  type RelayMode,
  type RelayResult,
  type Ring,
  type Settings,
} from './types';

/** Whom a call is made as: nobody, for what is public, or the user. */
type Send = typeof session.fetch;
const asNobody: Send = (input, init) => fetch(input, init);

export const getSettings = (): Promise<Settings> => call(asNobody, 'GET', '/console/api/settings');
export const getDemoAccounts = (): Promise<DemoAccount[]> => call(asNobody, 'GET', '/demo/accounts');
export const getRelay = (mode: RelayMode): Promise<RelayResult> =>
  call(session.fetch, 'GET', `/console/api/relay?mode=${mode}`);
export const getRing = (): Promise<Ring> => call(session.fetch, 'GET', '/admin/keys');
export const rotateKeys = (): Promise<Ring> => call(session.fetch, 'POST', '/admin/keys/rotate', {});
export const compromiseKey = (kid: string, reason: string): Promise<Ring> =>
  call(session.fetch, 'POST', `/admin/keys/${encodeURIComponent(kid)}/compromise`, { reason });
export const getAttacks = (): Promise<AttackList> => call(asNobody, 'GET', '/console/api/attacks');
export const runAttack = (name: string): Promise<AttackResult> =>
  call(session.fetch, 'POST', `/console/api/attacks/${encodeURIComponent(name)}`, {});

/** In the demo anybody may ask, also whoever isn't logged in. */
export const inspectToken = (token: string, isPublic: boolean): Promise<DecisionTrace> =>
  call(isPublic ? asNobody : session.fetch, 'POST', '/console/api/inspect', { token });

/** Longer than any answer takes that somebody still waits for: the replayed refresh token takes 10.5 s. */
const LIMIT_MS = 30_000;

/** @throws CallFailed; SessionError; what `fetch` throws */
async function call<T>(send: Send, method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(LIMIT_MS),
    headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return readAnswer<T>(response);
}
