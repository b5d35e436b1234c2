import { decided, type RedisClient } from '@token-relay/service-kit';
import { EPOCH_SECONDS } from './auth-store';
import { CREATE_SESSION, END_SESSION, RAISE_EPOCH_BUT, SESSION_FIELDS, USE_TOKEN } from './session-scripts';
import {
  MAX_SESSIONS,
  type NewSession,
  type PresentedToken,
  type Session,
  type SessionCreated,
  SESSION_TIMES,
  type SessionStore,
  type SessionTimes,
  type Successor,
  type TokenUse,
} from './session-store';
import { SLOT_LENGTH, slotOf } from './slot';

type Parameters = (string | number)[];
type Fields = readonly (string | null)[];

/** The scripts, as ioredis makes methods of them. */
interface Scripts {
  trCreateSession(...parameters: Parameters): Promise<readonly [epoch: string, idle: string, ...surplus: string[]]>;
  trUseToken(...parameters: Parameters): Promise<readonly [TokenUse['outcome'], string, Fields]>;
  trEndSession(...parameters: Parameters): Promise<number>;
  trRaiseEpochBut(...parameters: Parameters): Promise<string | null>;
}

export interface RedisSessionStoreOptions {
  readonly times?: SessionTimes;
  /** Seconds since 1970-01-01T00:00:00Z. Default: Redis' own clock, which is the same for all auths. */
  readonly now?: () => number;
}

/** Sessions in Redis 7 or later: all of a subject's in one hash slot, with its epoch. */
export class RedisSessionStore implements SessionStore {
  readonly #redis: RedisClient & Scripts;
  readonly #times: SessionTimes;
  readonly #now: (() => number) | undefined;

  constructor(redis: RedisClient, { times = SESSION_TIMES, now }: RedisSessionStoreOptions = {}) {
    redis.defineCommand('trCreateSession', { numberOfKeys: 3, lua: CREATE_SESSION });
    redis.defineCommand('trUseToken', { numberOfKeys: 3, lua: USE_TOKEN });
    redis.defineCommand('trEndSession', { numberOfKeys: 2, lua: END_SESSION });
    redis.defineCommand('trRaiseEpochBut', { numberOfKeys: 2, lua: RAISE_EPOCH_BUT });
    this.#redis = redis as RedisClient & Scripts;
    this.#times = times;
    this.#now = now;
  }

  async create(session: NewSession): Promise<SessionCreated> {
    const { id, defaultEpoch, tokenHash } = session;
    const { session: key, epoch, index } = keysOf(id);
    const times = [this.#times.idleSeconds * 1_000, this.#times.absoluteSeconds * 1_000];
    const parameters = [key, epoch, index, this.#clock(), id, defaultEpoch, ...times, tokenHash, ...fieldsOf(session)];
    const [begunIn, idle, ...surplus] = await decided(this.#redis.trCreateSession(...parameters));
    return { epoch: Number(begunIn), expiresAt: Number(idle) / 1_000, surplus };
  }

  async use(token: PresentedToken, successor?: Successor): Promise<TokenUse> {
    const { sessionId: id, hash, clientId, notBefore, address = '' } = token;
    const { session, epoch, index } = keysOf(id);
    const shown = [id, hash, clientId, notBefore, this.#times.idleSeconds * 1_000, address];
    const next = successor ? [successor.hash, successor.sealed] : [];
    const parameters = [session, epoch, index, this.#clock(), ...shown, ...next];
    const [outcome, more, fields] = await decided(this.#redis.trUseToken(...parameters));
    return outcome === 'unknown' ? { outcome } : useOf(outcome, more, sessionOf(id, fields));
  }

  async end(id: string): Promise<void> {
    // Whatever somebody has called a session; none of another form is ours.
    if (!SESSION_ID.test(id)) return;
    const { session, index } = keysOf(id);
    await decided(this.#redis.trEndSession(session, index, id));
  }

  async endBefore(subject: string, epoch: number): Promise<void> {
    const ended = (await this.#all(subject)).filter((session) => session.subject === subject && session.epoch < epoch);
    if (ended.length === 0) return;
    const { index } = keysOf(slotOf(subject));
    // Each of them is refused for its epoch already: this frees what they take.
    const deletions = this.#redis.pipeline().del(...ended.map(({ id }) => keysOf(id).session));
    await this.#execute(deletions.zrem(index, ...ended.map(({ id }) => id)));
  }

  async list(subject: string, notBefore: number): Promise<readonly Session[]> {
    const epoch = await decided(this.#redis.get(keysOf(slotOf(subject)).epoch));
    const sessions = await this.#all(subject);
    const now = await this.#seconds();
    const isLive = (session: Session): boolean =>
      session.subject === subject &&
      session.epoch >= Number(epoch ?? 0) &&
      session.notBefore >= notBefore &&
      session.expiresAt > now;
    return sessions.filter(isLive).sort((a, b) => b.lastUsedAt - a.lastUsedAt);
  }

  async raiseEpochBut(id: string, epoch: number): Promise<number | undefined> {
    const keys = keysOf(id);
    const raised = await decided(this.#redis.trRaiseEpochBut(keys.epoch, keys.session, String(epoch), EPOCH_SECONDS));
    return raised === null ? undefined : Number(raised);
  }

  /** All that are stored and that no token was replayed of. */
  async #all(subject: string): Promise<Session[]> {
    const ids = await decided(this.#redis.zrange(keysOf(slotOf(subject)).index, '0', String(2 * MAX_SESSIONS)));
    if (ids.length === 0) return [];
    const reads = this.#redis.pipeline();
    for (const id of ids) reads.hmget(keysOf(id).session, ...SESSION_FIELDS, 'ended');
    const found = (await this.#execute(reads)) as Fields[];
    return found.flatMap((fields, i) => {
      const isThere = fields[0] !== null && fields[SESSION_FIELDS.length] === null;
      return isThere ? [sessionOf(ids[i] ?? '', fields)] : [];
    });
  }

  #execute(pipeline: ReturnType<RedisClient['pipeline']>): Promise<unknown[]> {
    const execute = async (): Promise<unknown[]> => {
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, answer]) => {
        if (error) throw error;
        return answer;
      });
    };
    return decided(execute());
  }

  #clock(): number | string {
    return this.#now ? Math.floor(this.#now() * 1_000) : '';
  }

  async #seconds(): Promise<number> {
    return this.#now?.() ?? Number((await decided(this.#redis.time()))[0]);
  }
}

const SESSION_ID = new RegExp(`^[A-Za-z0-9_-]{${SLOT_LENGTH}}[A-Za-z0-9_-]+$`);

/** A session's keys; the part in braces is its subject's slot. */
function keysOf(sessionId: string) {
  const slot = `tr:{${sessionId.slice(0, SLOT_LENGTH)}}`;
  return { session: `${slot}:session:${sessionId}`, epoch: `${slot}:epoch`, index: `${slot}:sessions` };
}

function fieldsOf({
  subject,
  username,
  credential,
  clientId,
  scopes,
  authTime,
  notBefore,
  ...from
}: NewSession): Parameters {
  const fields = {
    subject,
    username,
    credential,
    client: clientId,
    scopes: scopes.join(' '),
    auth: authTime,
    after: notBefore,
  };
  const device = { agent: from.userAgent, address: from.address };
  return Object.entries({ ...fields, ...device }).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  );
}

function sessionOf(id: string, values: Fields): Session {
  const field = Object.fromEntries(SESSION_FIELDS.map((name, i) => [name, values[i] ?? undefined]));
  const text = (name: (typeof SESSION_FIELDS)[number]): string => field[name] ?? '';
  return {
    id,
    subject: text('subject'),
    username: text('username'),
    credential: text('credential'),
    clientId: text('client'),
    scopes: text('scopes').split(' ').filter(Boolean),
    authTime: Number(field.auth),
    notBefore: Number(field.after),
    userAgent: field.agent,
    address: field.address,
    epoch: Number(field.epoch),
    generation: Number(field.generation),
    createdAt: Number(field.created) / 1_000,
    lastUsedAt: Number(field.used) / 1_000,
    expiresAt: Number(field.idle) / 1_000,
  };
}

function useOf(outcome: Exclude<TokenUse['outcome'], 'unknown'>, more: string, session: Session): TokenUse {
  if (outcome === 'repeated') {
    const [row, sealed = ''] = more.split(' ');
    return { outcome, session, sealed, lateInARow: Number(row) };
  }
  if (outcome === 'too_often') return { outcome, session, retryAfterSeconds: Math.ceil(Number(more) / 1_000) };
  if (outcome === 'replayed') return { outcome, session, ancestor: more as 'recent_parent' | 'older_ancestor' };
  return { outcome, session };
}
