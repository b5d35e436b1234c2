import { createHash, randomFillSync, randomUUID } from 'node:crypto';
import {
  type NewSession,
  type PresentedToken,
  refreshTokens,
  type RefreshToken,
  type SessionStore,
  type Successor,
} from './auth-modules';

/** Of how many kinds the users' browsers are. */
const BROWSERS = 500;
const [ID_LENGTH, HASH_LENGTH] = [38, 43];
/** How often an access token's end makes a client refresh. */
const REFRESHED_EVERY_SECONDS = 300;
/** So many sessions, or refreshes, are prepared before they are timed. */
const BATCH = 500;
/** Into how many parts a pass of refreshes is divided at least, between which time passes. */
const PARTS = 60;
/** When everything was revoked last, as every session knows it. */
const NOT_BEFORE = Math.floor(Date.now() / 1000) - 86_400;

/** How fast something went. */
export interface Timed {
  readonly count: number;
  readonly ns: number;
}

/**
 * The clients of a store: as many sessions as are asked for, each of another user, which are refreshed as time passes. All texts
 * are as auth gets them, each a string of its own that was made of bytes. What clients know of their sessions is beside the heap
 * and there from the beginning, so that it isn't taken for the store's.
 */
export class SimulatedSessions {
  readonly #known: Buffer;
  #created = 0;
  #passed = 0;

  private constructor(
    private readonly most: number,
    private readonly first: (subject: string) => RefreshToken,
    /** What auth really stores of a successor. */
    private readonly sealedSample: string,
  ) {
    this.#known = Buffer.alloc(most * (ID_LENGTH + HASH_LENGTH));
  }

  static async of(count: number): Promise<SimulatedSessions> {
    const tokens = await refreshTokens();
    const token = tokens.firstRefreshToken(randomUUID());
    const { sealed } = await tokens.successorOf(token);
    if (token.sessionId.length !== ID_LENGTH || token.hash.length !== HASH_LENGTH)
      throw new Error('ids or hashes are of another length than here');
    return new SimulatedSessions(count, (subject) => tokens.firstRefreshToken(subject), sealed);
  }

  /** The clock of the store, in seconds since 1970-01-01T00:00:00Z. */
  readonly now = (): number => Date.now() / 1000 + this.#passed;

  /** Creates all of them. */
  async fill(store: SessionStore, lanes: number): Promise<Timed> {
    let ns = 0;
    while (this.#created < this.most) {
      const begun = Array.from({ length: Math.min(BATCH, this.most - this.#created) }, () => this.#new());
      for (const { id, tokenHash } of begun) this.#remember(this.#created++, id, tokenHash);
      ns += await timed(lanes, begun, (session) => store.create(session));
    }
    return { count: this.most, ns };
  }

  /** Refreshes each of them once, one after the other in the time in which a client comes again. */
  async refreshAll(store: SessionStore, lanes: number): Promise<void> {
    const part = Math.min(BATCH, Math.ceil(this.most / PARTS));
    for (let from = 0; from < this.most; from += part) {
      this.#passed += (REFRESHED_EVERY_SECONDS * part) / this.most;
      const some = Array.from({ length: Math.min(part, this.most - from) }, (_, i) => from + i);
      await this.#refresh(store, lanes, some);
    }
  }

  /** Creates sessions on top of those that are there, and ends them again, which isn't timed. */
  async create(store: SessionStore, lanes: number, ms: number): Promise<Timed> {
    return repeated(ms, async () => {
      const begun = Array.from({ length: Math.min(BATCH, this.most) }, () => this.#new());
      const ns = await timed(lanes, begun, (session) => store.create(session));
      for (const { id } of begun) await store.end(id);
      return { count: begun.length, ns };
    });
  }

  /** Refreshes any of them; time passes between them, too. */
  async refresh(store: SessionStore, lanes: number, ms: number): Promise<Timed> {
    return repeated(ms, async () => {
      this.#passed += REFRESHED_EVERY_SECONDS / 100;
      const from = anyBelow(this.most);
      // A stride, so that they are from everywhere and no session comes twice at once.
      const stride = Math.max(1, Math.floor(this.most / BATCH));
      const some = Array.from({ length: Math.min(BATCH, this.most) }, (_, i) => (from + i * stride) % this.most);
      return { count: some.length, ns: await this.#refresh(store, lanes, some) };
    });
  }

  async #refresh(store: SessionStore, lanes: number, sessions: readonly number[]): Promise<number> {
    const uses = sessions.map((index) => ({ token: this.#presented(index), successor: this.#successor() }));
    const ns = await timed(lanes, uses, async ({ token, successor }) => {
      const { outcome } = await store.use(token, successor);
      if (outcome !== 'rotated') throw new Error(`a refresh token that is shown for the first time is ${outcome}`);
    });
    uses.forEach(({ successor }, i) => this.#rememberHash(sessions[i] ?? 0, successor.hash));
    return ns;
  }

  #new(): NewSession {
    const subject = randomUUID();
    const { sessionId: id, hash: tokenHash } = this.first(subject);
    const now = Math.floor(this.now());
    return {
      id,
      subject,
      username: copyOf(`user-${randomOf(12)}`),
      credential: createHash('sha256').update(subject).digest('base64url').slice(0, 22),
      clientId: 'gateway',
      scopes: ['documents:read', 'documents:write'],
      authTime: now,
      notBefore: NOT_BEFORE,
      userAgent: userAgent(),
      address: address(),
      defaultEpoch: 0,
      tokenHash,
    };
  }

  #presented(index: number): PresentedToken {
    const at = index * (ID_LENGTH + HASH_LENGTH);
    return {
      sessionId: this.#known.toString('latin1', at, at + ID_LENGTH),
      hash: this.#known.toString('latin1', at + ID_LENGTH, at + ID_LENGTH + HASH_LENGTH),
      clientId: 'gateway',
      notBefore: NOT_BEFORE,
      address: address(),
    };
  }

  /** As auth's, but for what is encrypted in it: to do that would take longer than to store it. */
  #successor(): Successor {
    const parts = this.sealedSample.split('.').map((part) => (part.startsWith('eyJ') ? part : randomOf(part.length)));
    return { hash: randomOf(HASH_LENGTH), sealed: parts.join('.') };
  }

  #remember(index: number, id: string, hash: string): void {
    this.#known.write(id, index * (ID_LENGTH + HASH_LENGTH), 'latin1');
    this.#rememberHash(index, hash);
  }

  #rememberHash(index: number, hash: string): void {
    this.#known.write(hash, index * (ID_LENGTH + HASH_LENGTH) + ID_LENGTH, 'latin1');
  }
}

/** Nanoseconds for all of them, so many at once. */
async function timed<Item>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as Item);
  };
  const begun = process.hrtime.bigint();
  await Promise.all(Array.from({ length: lanes }, lane));
  return Number(process.hrtime.bigint() - begun);
}

async function repeated(ms: number, batch: () => Promise<Timed>): Promise<Timed> {
  let [count, ns] = [0, 0];
  while (ns < ms * 1e6) {
    const one = await batch();
    count += one.count;
    ns += one.ns;
  }
  return { count, ns };
}

function userAgent(): string {
  const browser = anyBelow(BROWSERS);
  return copyOf(
    `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${100 + (browser % 50)}.0.${browser}.0 Safari/537.36`,
  );
}

function address(): string {
  return copyOf(`203.0.${anyBelow(256)}.${anyBelow(256)}`);
}

/** A string of its own, as one that was made of what came over a connection. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function anyBelow(end: number): number {
  return Math.floor(Math.random() * end);
}

const pool = Buffer.alloc(65_536);
let used = pool.length;

/** Random bytes in base64url, of that length; from a pool, as each call for some takes longer than to store them. */
function randomOf(length: number): string {
  const bytes = Math.ceil((length * 3) / 4);
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return copyOf(pool.toString('base64url', used - bytes, used).slice(0, length));
}
