import { Logger } from '@nestjs/common';
import { type RefreshResult, StoreUnavailable } from '@token-relay/service-kit';
import { randomUUID } from 'node:crypto';
import { RevocationLog } from '../revocation/revocation-log';
import { Revocations } from '../revocation/revocations';
import { EmbeddedStore } from '../store/embedded-store';
import { type Grant, type TokenIssuer } from '../tokens/token-issuer';
import { type User } from '../users/user-directory';
import { RefreshTooOften, SessionEnded } from './session-refusals';
import { Sessions } from './sessions';

describe('sessions', () => {
  let now: number;
  let user: User;
  let users: User[];
  let store: EmbeddedStore;
  let log: RevocationLog;
  let sessions: Sessions;
  let issued: Grant[];
  let fails: boolean;
  let counted: RefreshResult[];
  let told: { level: string; line: string }[];

  beforeEach(async () => {
    now = Math.floor(Date.now() / 1000);
    user = { username: 'alice', sub: randomUUID(), scopes: ['a', 'b', 'c'], passwordHash: 'h' };
    users = [user];
    issued = [];
    fails = false;
    told = [];
    counted = [];
    const tell = (level: string) => (line: unknown) => void told.push({ level, line: String(line) });
    Logger.overrideLogger({ log: tell('log'), warn: tell('warn'), error: tell('error') });
    store = new EmbeddedStore(() => now);
    log = new RevocationLog({ issuer: 'https://issuer.test', store, now: () => now });
    await log.start();
    now += 1;
    const tokens = {
      issue: async (grant: Grant) => {
        if (fails) throw new StoreUnavailable();
        issued.push(grant);
        return Promise.resolve({ token: { access_token: 'a', token_type: 'Bearer', expires_in: 300 }, jti: 'j' });
      },
    } as unknown as TokenIssuer;
    const metrics = { count: (result: RefreshResult) => void counted.push(result) };
    const directory = { find: (name: string) => Promise.resolve(users.find(({ username }) => username === name)) };
    sessions = new Sessions(store, log, new Revocations(log, store, () => now), tokens, directory, metrics);
  });
  afterEach(() => {
    log.close();
    store.close();
    Logger.overrideLogger(true);
  });

  const begin = async (): Promise<string> => (await sessions.begin(user, 'gateway', user.scopes)).refreshToken;
  const refresh = async (token: string): Promise<string> => (await sessions.refresh(token, 'gateway')).refreshToken;
  const lastScopes = (): readonly string[] | undefined => issued.at(-1)?.scopes;
  const change = (more: Partial<User>): void => void (users = [{ ...user, ...more }]);

  it('issue tokens for the gateway, in the session, with the epoch that it began with', async () => {
    const token = await begin();
    const [first] = issued;
    expect(first).toMatchObject({ subject: user.sub, audience: 'gateway', clientId: 'gateway', scopes: user.scopes });
    now += 60;
    await store.raiseEpoch('somebody else', Date.now());
    await refresh(token);
    const marks = (grant?: Grant) => [grant?.session?.id, grant?.session?.epoch, grant?.session?.authTime];
    expect(marks(issued[1])).toEqual(marks(first));
    expect(first?.session?.authTime).toBe(now - 60);
    // None of its tokens outlives it.
    expect(issued.map(({ notAfter }) => notAfter)).toEqual([now - 60 + 86_400, now + 86_400]);
  });

  describe('of a user who has changed', () => {
    it.each<[string, Partial<User>]>([
      ['and was disabled', { disabled: true }],
      ['and has another password', { passwordHash: 'another' }],
      ['and whose tokens were revoked', { revokedAt: 1 }],
      ['and is another one of the same name', { sub: randomUUID() }],
    ])('%s end at the next refresh', async (_what, more) => {
      const token = await begin();
      change(more);
      await expect(refresh(token)).rejects.toBeInstanceOf(SessionEnded);
      expect(log.isSessionRevoked(issued[0]?.session?.id ?? '')).toBe(true);
      users = [user];
      await expect(refresh(token)).rejects.toBeInstanceOf(SessionEnded);
    });

    it('and is gone end at the next refresh', async () => {
      const token = await begin();
      users = [];
      await expect(refresh(token)).rejects.toBeInstanceOf(SessionEnded);
      expect(issued).toHaveLength(1);
    });

    it('and may do less do less from then on, but never more than they began with', async () => {
      let token = await begin();
      change({ scopes: ['b', 'd'] });
      token = await refresh(token);
      expect(lastScopes()).toEqual(['b']);
      change({ scopes: ['a', 'b', 'c', 'd'] });
      await refresh(token);
      expect(lastScopes()).toEqual(['a', 'b', 'c']);
    });

    it('by nothing that counts go on', async () => {
      const token = await begin();
      change({ scopes: [...user.scopes].reverse() });
      await expect(refresh(token)).resolves.toMatch(/^rt_/);
    });
  });

  it('go on where the answer could not be made, with the same successor', async () => {
    const token = await begin();
    fails = true;
    await expect(refresh(token)).rejects.toBeInstanceOf(StoreUnavailable);
    fails = false;
    now += 3_600;
    const successor = await refresh(token);
    expect(await refresh(token)).toBe(successor);
  });

  it('that nobody can know of, as the login failed, are none', async () => {
    fails = true;
    await expect(begin()).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await sessions.list(user.sub)).toEqual([]);
  });

  it('of a thousand devices give way to one more, with everything that was issued in the oldest', async () => {
    for (let i = 0; i < 1_001; i++) {
      now += 1;
      await begin();
    }
    expect(await sessions.list(user.sub)).toHaveLength(1_000);
    const ids = issued.map(({ session }) => session?.id ?? '');
    expect(ids.map((id) => log.isSessionRevoked(id)).slice(0, 2)).toEqual([true, false]);
  });

  it('are refused when the store has lost the epoch, or the end, that is known here', async () => {
    const [one, two] = [await begin(), await begin()];
    const { id = '' } = issued[1]?.session ?? {};
    jest.spyOn(log, 'isSessionRevoked').mockImplementation((sid) => sid === id);
    await expect(sessions.find(two, 'gateway')).rejects.toBeInstanceOf(SessionEnded);
    await expect(sessions.find(one, 'gateway')).resolves.toMatchObject({ subject: user.sub });
    jest.spyOn(log, 'epochOf').mockReturnValue(Number.MAX_SAFE_INTEGER);
    await expect(refresh(one)).rejects.toBeInstanceOf(SessionEnded);
  });

  it('begin with the epoch that is known here, where the store has lost it', async () => {
    jest.spyOn(log, 'epochOf').mockReturnValue(1_964_099_999_124);
    await begin();
    expect(issued[0]?.session?.epoch).toBe(1_964_099_999_124);
  });

  it('that are spared while the store answers go on, with the epoch of then', async () => {
    const token = await begin();
    const { id = '' } = issued[0]?.session ?? {};
    const use = store.sessions.use.bind(store.sessions);
    jest.spyOn(store.sessions, 'use').mockImplementationOnce(async (presented, successor) => {
      const answer = await use(presented, successor);
      // It is on its way, and word of the new epoch is quicker.
      await new Revocations(log, store, () => now).revokeSubjectBut(id, user.sub);
      return answer;
    });
    const next = await refresh(token);
    expect(issued[1]?.session?.epoch).toBe(log.epochOf(user.sub));
    await expect(refresh(next)).resolves.toMatch(/^rt_/);
  });

  it('tell when to come again', async () => {
    const token = await begin();
    for (let i = 0; i < 51; i++) await refresh(token);
    await expect(refresh(token)).rejects.toMatchObject({ retryAfterSeconds: 60 });
    await expect(refresh(token)).rejects.toBeInstanceOf(RefreshTooOften);
  });

  describe('of which a token is replayed', () => {
    const replay = async (generations: number): Promise<void> => {
      const first = await begin();
      let token = first;
      for (let i = 0; i < generations; i++) token = await refresh(token);
      now += 11;
      await expect(refresh(first)).rejects.toBeInstanceOf(SessionEnded);
      await expect(refresh(token)).rejects.toBeInstanceOf(SessionEnded);
    };

    it.each([
      [2, 'recent_parent'],
      [3, 'older_ancestor'],
    ])('after %i generations are told of as %s, once, with what finds them', async (generations, kind) => {
      await replay(generations);
      const warnings = told.filter(({ line }) => line.includes('refresh_replayed'));
      expect(warnings).toHaveLength(1);
      expect(counted.filter((result) => result === 'replayed')).toHaveLength(1);
      const details = { sid: issued[0]?.session?.id, sub: user.sub, clientId: 'gateway', generation: generations };
      expect(warnings[0]).toEqual({
        level: 'warn',
        line: `refresh_replayed ${JSON.stringify({ ...details, token: kind })}`,
      });
    });

    it('end with everything that was issued in them', async () => {
      await replay(2);
      expect(log.isSessionRevoked(issued[0]?.session?.id ?? '')).toBe(true);
      expect(await sessions.list(user.sub)).toEqual([]);
    });
  });

  it('that two seem to refresh in turn are told of from the third time in a row on, and go on', async () => {
    let [mine, stolen] = await begin().then((token) => [token, token]);
    for (let i = 0; i < 4; i++) {
      mine = await refresh(mine ?? '');
      now += 150;
      stolen = await refresh(stolen ?? '');
      now += 150;
      expect(stolen).toBe(mine);
    }
    const lines = told.filter(({ level }) => level === 'warn').map(({ line }) => line);
    expect(lines).toEqual([
      expect.stringMatching(/^refresh_repeated_late .*"inARow":3}$/),
      expect.stringMatching(/"inARow":4}$/),
    ]);
  });

  it('write no token, and no part of one, into the log', async () => {
    const tokens = [await begin(), await begin()];
    tokens.push(await refresh(tokens[0] ?? ''));
    tokens.push(await refresh(tokens[2] ?? ''));
    await expect(sessions.refresh(tokens[1] ?? '', 'another')).rejects.toBeInstanceOf(SessionEnded);
    now += 11;
    await expect(refresh(tokens[0] ?? '')).rejects.toBeInstanceOf(SessionEnded);
    await sessions.endBy(tokens[1] ?? '', 'gateway');
    expect(told.length).toBeGreaterThan(3);
    const lines = told.map(({ line }) => line).join('\n');
    // The slot alone is in the session's id as well.
    for (const token of tokens)
      for (const part of [token.slice(19), token.slice(-43)]) expect(lines).not.toContain(part);
  });
});
