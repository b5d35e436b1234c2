import { Logger } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { connected, connectRedis } from '@token-relay/service-kit';
import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RevocationLog } from '../src/revocation/revocation-log';
import { Revocations } from '../src/revocation/revocations';
import { SessionEnded } from '../src/sessions/session-refusals';
import { Sessions, type SessionTokens } from '../src/sessions/sessions';
import { type AuthStore } from '../src/store/auth-store';
import { EmbeddedStore } from '../src/store/embedded-store';
import { RedisStore } from '../src/store/redis-store';
import { type Grant, type TokenIssuer } from '../src/tokens/token-issuer';
import { type User } from '../src/users/user-directory';

const ISSUER = 'https://issuer.test';
const RUNS = 1_000;
/** A thousand of them take seconds, and more of these where others use the machine. */
const LIMIT_MS = 120_000;
const GRACE_SECONDS = 10;
/** As long as a browser waits for an answer, and no longer than the grace. */
const ANSWERED_WITHIN_SECONDS = 10;
/** A tab that has got a token doesn't ask for the next one so soon. */
const FRESH_SECONDS = 20;

/** What happens next. Nothing but the order and the times is left to chance. */
type Step =
  | { readonly what: 'tab sends'; readonly tab: number }
  | { readonly what: 'answer arrives'; readonly which: number }
  | { readonly what: 'answer is lost'; readonly which: number }
  | { readonly what: 'time passes'; readonly seconds: number }
  | { readonly what: 'thief copies' }
  | { readonly what: 'thief refreshes'; readonly held: number; readonly crash: boolean }
  | { readonly what: 'logout'; readonly crash: boolean };

const TABS = 3;
const honest: fc.WeightedArbitrary<Step>[] = [
  { weight: 12, arbitrary: fc.record({ what: fc.constant('tab sends'), tab: fc.nat(TABS - 1) }) },
  { weight: 10, arbitrary: fc.record({ what: fc.constant('answer arrives'), which: fc.nat(TABS - 1) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('answer is lost'), which: fc.nat(TABS - 1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('time passes'),
      seconds: fc.constantFrom(0.5, 3, 9, 10, 10.1, 30, 300, 7_200),
    }),
  },
];
const anything: fc.WeightedArbitrary<Step>[] = [
  ...honest,
  { weight: 4, arbitrary: fc.record({ what: fc.constant('thief copies') }) },
  {
    weight: 8,
    arbitrary: fc.record({ what: fc.constant('thief refreshes'), held: fc.nat(5), crash: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('logout'), crash: fc.boolean() }) },
];

const stepsOf = (steps: fc.WeightedArbitrary<Step>[]) =>
  fc.array(fc.oneof(...steps), { minLength: 10, maxLength: 40, size: 'max' });

/** One auth of several that share a store, or the only one. */
interface Auth {
  readonly sessions: Sessions;
  readonly log: RevocationLog;
  /** Fails the next call of what it is told to, once it has happened. */
  crashNext: 'issue' | 'end' | undefined;
  readonly issued: Grant[];
}

class Crash extends Error {}

/** What is true of sessions, worked out from what has happened, and from nothing that is stored. */
class Truth {
  readonly #successor = new Map<string, string>();
  readonly #firstUse = new Map<string, number>();
  ended = false;

  /** What has to become of a token that is shown at this time. */
  expected(token: string, now: number): 'refused' | 'replayed' | 'refreshed' {
    if (this.ended) return 'refused';
    const successor = this.#successor.get(token);
    const used = successor === undefined ? undefined : this.#firstUse.get(successor);
    return used === undefined || now <= used + GRACE_SECONDS ? 'refreshed' : 'replayed';
  }

  /** Whether it was shown before. */
  isKnown(token: string): boolean {
    return this.#firstUse.has(token);
  }

  /** A token was shown and got this one, whether anybody has heard of it or not. */
  note(token: string, successor: string | undefined, now: number): void {
    if (!this.#firstUse.has(token)) this.#firstUse.set(token, now);
    if (successor === undefined) return;
    // A family never forks: one token, one successor.
    expect(this.#successor.get(token) ?? successor).toBe(successor);
    this.#successor.set(token, successor);
  }
}

/** How often tokens were shown, and to what end: a play in which nothing happens proves nothing. */
type Seen = Record<'refreshed' | 'again' | 'replayed' | 'refused', number>;

/** A browser whose tabs share a cookie, and a thief with copies of it. */
class Play {
  readonly truth = new Truth();
  readonly #waiting: { tab: number; at: number; tokens: SessionTokens | undefined }[] = [];
  readonly #freshUntil = Array.from({ length: TABS }, () => 0);
  readonly #stolen: string[] = [];
  #cookie: string;

  constructor(
    private readonly auths: readonly Auth[],
    private readonly clock: { now: number },
    begun: SessionTokens,
    private readonly subject: string,
    private readonly seen: Seen,
  ) {
    this.#cookie = begun.refreshToken;
  }

  async act(step: Step): Promise<void> {
    switch (step.what) {
      case 'tab sends':
        return this.#send(step.tab);
      case 'answer arrives':
        return this.#arrive(step.which);
      case 'answer is lost':
        this.#waiting.splice(step.which, 1);
        return;
      case 'time passes':
        return this.#pass(step.seconds);
      case 'thief copies':
        this.#stolen.push(this.#cookie);
        return;
      case 'thief refreshes': {
        const token = this.#stolen[step.held % Math.max(1, this.#stolen.length)];
        if (token === undefined) return;
        const tokens = await this.#refresh(token, step.crash);
        if (tokens) this.#stolen.push(tokens.refreshToken);
        return;
      }
      case 'logout':
        return this.#logout(step.crash);
    }
  }

  async #send(tab: number): Promise<void> {
    const isBusy =
      this.#waiting.some((waiting) => waiting.tab === tab) || (this.#freshUntil[tab] ?? 0) > this.clock.now;
    if (isBusy) return;
    this.#waiting.push({ tab, at: this.clock.now, tokens: await this.#refresh(this.#cookie, false) });
  }

  #arrive(which: number): void {
    const [answer] = this.#waiting.splice(which, 1);
    if (!answer?.tokens) return;
    this.#cookie = answer.tokens.refreshToken;
    this.#freshUntil[answer.tab] = this.clock.now + FRESH_SECONDS;
  }

  /** Whoever has waited for longer than a browser does hears no more. */
  #pass(seconds: number): void {
    this.clock.now += seconds;
    const tooLate = this.clock.now - ANSWERED_WITHIN_SECONDS;
    for (const late of this.#waiting.filter(({ at }) => at < tooLate))
      this.#waiting.splice(this.#waiting.indexOf(late), 1);
  }

  /** Shows a token to one of the auths, which does what it has to. */
  async #refresh(token: string, crash: boolean): Promise<SessionTokens | undefined> {
    const { now } = this.clock;
    const expected = this.truth.expected(token, now);
    this.seen[expected === 'refreshed' && this.truth.isKnown(token) ? 'again' : expected]++;
    const auth = this.#anyAuth();
    if (crash && expected === 'refreshed') auth.crashNext = 'issue';
    const answer = await auth.sessions.refresh(token, 'gateway').catch((error: unknown) => error);
    if (expected === 'refreshed') {
      if (crash) expect(answer).toBeInstanceOf(Crash);
      else expect(answer).toHaveProperty('refreshToken');
      this.truth.note(token, crash ? undefined : (answer as SessionTokens).refreshToken, now);
      return crash ? undefined : (answer as SessionTokens);
    }
    expect(answer).toBeInstanceOf(SessionEnded);
    this.truth.ended = true;
    return undefined;
  }

  async #logout(crash: boolean): Promise<void> {
    const expected = this.truth.expected(this.#cookie, this.clock.now);
    const auth = this.#anyAuth();
    if (crash && expected !== 'refused') auth.crashNext = 'end';
    const ended = await auth.sessions.endBy(this.#cookie, 'gateway').catch((error: unknown) => error);
    if (crash && expected !== 'refused') expect(ended).toBeInstanceOf(Crash);
    else expect(ended).toBe('ended');
    this.truth.ended = true;
    await this.#everywhere((auth) => this.#isRefused(auth));
  }

  /** What an end has to mean: for every auth, for each of its tokens. */
  async check(): Promise<void> {
    const isListed = async ({ sessions }: Auth): Promise<boolean> => (await sessions.list(this.subject)).length > 0;
    if (!this.truth.ended) {
      for (const auth of this.auths) expect(await isListed(auth)).toBe(true);
      return;
    }
    // What one could not finish another one does.
    await this.#everywhere(async (auth) => this.#isRefused(auth) && !(await isListed(auth)));
    for (const { sessions } of this.auths) {
      const answer = await sessions.refresh(this.#cookie, 'gateway').catch((error: unknown) => error);
      expect(answer).toBeInstanceOf(SessionEnded);
    }
  }

  /** Waits until it is so at every auth: it takes as long as word of an event. */
  async #everywhere(isSo: (auth: Auth) => boolean | Promise<boolean>): Promise<void> {
    for (const auth of this.auths) {
      for (let tries = 0; !(await isSo(auth)); tries++) {
        expect(tries).toBeLessThan(500);
        await sleep(5);
      }
    }
  }

  /** Whether every token that was issued is refused. */
  #isRefused({ log }: Auth): boolean {
    const grants = this.auths.flatMap(({ issued }) => issued).filter(({ subject }) => subject === this.subject);
    return grants.every(({ subject, session }) => log.isRevoked(principalOf(subject, session, this.clock.now)));
  }

  #anyAuth(): Auth {
    const { auths } = this;
    // In turn: which of several answers makes no difference.
    const auth = auths[this.#turn++ % auths.length];
    if (!auth) throw new TypeError('there is no auth');
    return auth;
  }

  #turn = 0;
}

function principalOf(subject: string, session: Grant['session'], now: number): Principal {
  const claims = { iat: Math.floor(now), sub_epoch: session?.epoch };
  return { issuer: ISSUER, subject, tokenId: 't', sessionId: session?.id, keyId: 'k', claims } as unknown as Principal;
}

/** An auth without HTTP, and without keys: what it would sign is noted. */
async function startAuth(store: AuthStore, clock: { now: number }, users: ReadonlyMap<string, User>): Promise<Auth> {
  const log = new RevocationLog({ issuer: ISSUER, store, now: () => clock.now });
  await log.start();
  const auth: { -readonly [Member in keyof Auth]?: Auth[Member] } = { log, issued: [], crashNext: undefined };
  const failing: AuthStore = Object.assign(Object.create(store) as AuthStore, {
    sessions: Object.assign(Object.create(store.sessions) as AuthStore['sessions'], {
      create: store.sessions.create.bind(store.sessions),
      use: store.sessions.use.bind(store.sessions),
      list: store.sessions.list.bind(store.sessions),
      end: async (id: string) => {
        // Before it could.
        if (auth.crashNext === 'end') throw crash(auth);
        await store.sessions.end(id);
      },
    }),
  });
  const issue = (grant: Grant) => {
    auth.issued?.push(grant);
    if (auth.crashNext === 'issue') throw crash(auth);
    return Promise.resolve({ access_token: 'a', token_type: 'Bearer', expires_in: 300 });
  };
  const tokens = { issue: async (grant: Grant) => issue(grant) } as unknown as TokenIssuer;
  const directory = { find: (username: string) => Promise.resolve(users.get(username)) };
  const revocations = new Revocations(log, failing, () => clock.now);
  return Object.assign(auth, {
    sessions: new Sessions(failing, log, revocations, tokens, directory, { count: () => undefined }),
  }) as Auth;
}

function crash(auth: { crashNext?: Auth['crashNext'] }): Crash {
  auth.crashNext = undefined;
  return new Crash('it has crashed');
}

/** What holds of sessions in every store. */
function describeProperties(open: (now: () => number) => Promise<AuthStore[]>): void {
  const clock = { now: Math.floor(Date.now() / 1000) };
  const users = new Map<string, User>();
  let auths: Auth[] = [];
  let stores: AuthStore[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    stores = await open(() => clock.now);
    for (const store of stores) auths.push(await startAuth(store, clock, users));
  });
  afterAll(() => {
    for (const { log } of auths) log.close();
    for (const store of stores) store.close();
    auths = [];
  });

  async function play(seen: Seen): Promise<Play> {
    const user: User = { username: randomUUID(), sub: randomUUID(), scopes: [], passwordHash: 'h' };
    users.set(user.username, user);
    for (const { issued } of auths) issued.length = 0;
    const [auth] = auths as [Auth];
    return new Play(auths, clock, await auth.sessions.begin(user, 'gateway', []), user.sub, seen);
  }

  const times = (steps: readonly Step[]): number =>
    steps.reduce((sum, step) => sum + (step.what === 'time passes' ? step.seconds : 0), 0);

  it(
    `tabs of one browser are never logged out, in ${RUNS} interleavings with lost answers`,
    async () => {
      const seen: Seen = { refreshed: 0, again: 0, replayed: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(stepsOf(honest), async (steps) => {
          // A session that nobody uses for a day ends, which isn't meant here.
          fc.pre(times(steps) < 80_000);
          const tabs = await play(seen);
          for (const step of steps) await tabs.act(step);
          expect(tabs.truth.ended).toBe(false);
          await tabs.check();
        }),
        { numRuns: RUNS },
      );
      expect(seen).toMatchObject({ replayed: 0, refused: 0 });
      expect(Math.min(seen.refreshed, seen.again)).toBeGreaterThan(RUNS);
    },
    LIMIT_MS,
  );

  it(
    `a session never forks, and ends with all of its tokens when two have it, in ${RUNS} interleavings with a thief`,
    async () => {
      const seen: Seen = { refreshed: 0, again: 0, replayed: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(stepsOf(anything), async (steps) => {
          fc.pre(times(steps) < 80_000);
          const tabs = await play(seen);
          for (const step of steps) await tabs.act(step);
          await tabs.check();
        }),
        { numRuns: RUNS },
      );
      expect(Math.min(seen.refreshed, seen.again)).toBeGreaterThan(RUNS);
      expect(seen.replayed).toBeGreaterThan(RUNS / 20);
    },
    LIMIT_MS,
  );
}

describe('sessions in the embedded store', () => {
  describeProperties((now) => Promise.resolve([new EmbeddedStore(now)]));
});

describeWith(REDIS)('sessions of two auths on one Redis', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startOwnRedis();
  });
  afterAll(() => server.stop());

  describeProperties((now) =>
    Promise.all(
      [0, 1].map(async () => {
        const commands = connectRedis(server.url, () => undefined);
        const waiting = connectRedis(server.url, () => undefined, 'waiting');
        await Promise.all([connected(commands), connected(waiting)]);
        return new RedisStore(commands, waiting, { now });
      }),
    ),
  );
});
