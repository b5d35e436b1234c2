import { StoreUnavailable } from '@token-relay/service-kit';
import { type Callers } from '../clients/callers';
import { SessionController } from './session.controller';
import { RefreshTooOften, SessionEnded } from './session-refusals';
import { type Sessions } from './sessions';

describe('the cookie', () => {
  const COOKIE = '__Host-refresh=rt_x';
  const failures = [new StoreUnavailable(), new SessionEnded(), new RefreshTooOften(7), new Error('unforeseen')];

  it.each(failures)('is not touched by an answer that fails: %s', async (failure) => {
    const fails = () => Promise.reject(failure);
    const found = { id: 'i', subject: 's' };
    const headers: Record<string, string> = {};
    const reply = { header: (name: string, value: string) => (headers[name] = value) };
    const request = { headers: {}, socket: {} };
    const controller = (sessions: object) =>
      new SessionController({ addressOf: () => '192.0.2.1' } as unknown as Callers, sessions as Sessions);
    const one = controller({ refresh: fails, endBy: fails, find: fails });
    const other = controller({ find: () => Promise.resolve(found), end: fails, endAll: fails, endOthers: fails });
    for (const call of [
      () => one.refresh(request, COOKIE, reply),
      () => one.logout(COOKIE, reply),
      () => one.end(COOKIE, 'i', reply),
      () => one.endAll(COOKIE, {}, reply),
      () => other.end(COOKIE, 'i', reply),
      () => other.endAll(COOKIE, {}, reply),
      () => other.endAll(COOKIE, { except: 'current' }, reply),
    ]) {
      await expect(call()).rejects.toBe(failure);
    }
    expect(headers).toEqual(failure instanceof RefreshTooOften ? { 'retry-after': '7' } : {});
  });
});
