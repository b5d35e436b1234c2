import { TOKEN_ALGORITHMS } from '@token-relay/service-kit';

/**
 * The ring of signing keys and how it changes: plain data and pure functions, by the clock that they are given. Times
 * are seconds since 1970-01-01T00:00:00Z.
 *
 * There is always one key that signs, and one that is published already and will sign next, so that promotion is a
 * flip. No key signs before every verifier has had time to fetch it, and none leaves before nobody judges a token that it
 * has signed any more.
 */

export const KEY_ALGORITHMS = TOKEN_ALGORITHMS;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

export type KeyState =
  /** Published, and signs next. */
  | 'pending'
  /** Signs. */
  | 'active'
  /** Signs no more; tokens that it has signed still count. */
  | 'retiring'
  /** Gone: whatever it has signed counts no more. */
  | 'retired'
  /** Gone at once: whatever it has signed is refused. */
  | 'compromised';

type Jwk = Readonly<Record<string, unknown>>;

export interface RingKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  readonly state: KeyState;
  readonly publishedAt: number;
  /** When it began to sign. */
  readonly activatedAt?: number;
  /** When it ceased to sign. */
  readonly deactivatedAt?: number;
  /** When it left, or will leave, the JWKS. */
  readonly removedAt?: number;
  /** Its public half, and while it may sign its private one; none of a key that is gone. */
  readonly jwks?: { readonly public: Jwk; readonly private?: Jwk };
}

/** A promotion that was asked for and has to wait. */
export interface PlannedRotation {
  readonly kid: string;
  /** When every verifier has had time to fetch the key. */
  readonly dueAt: number;
}

/** What happened to the ring, by whom and why: its own record, written in the same step. */
export interface RingEvent {
  readonly at: number;
  readonly what:
    | 'created'
    | 'published'
    | 'rotation planned'
    | 'activated'
    | 'retired'
    | 'compromised'
    | 'late handling changed'
    | 'resealed';
  readonly kid?: string;
  readonly by: string;
  readonly reason?: string;
}

/**
 * How long after it was issued a token may be judged, by who handles late what came with it. What was revoked is kept for
 * it only from when that is known here: of a token that is older, nobody may remember any more that it was.
 */
export interface LateHandling {
  readonly seconds: number;
  /** Since when everything is kept for so long. */
  readonly since: number;
  /** What was kept for before, and still is: seconds. */
  readonly before: number;
}

export interface Ring {
  /** Names the ring: one that is made after a loss is another. */
  readonly id: string;
  readonly createdAt: number;
  /** Grows with every change. */
  readonly version: number;
  readonly keys: readonly RingKey[];
  readonly rotation?: PlannedRotation;
  /** Absent in a ring from before there was such a thing: for nothing. */
  readonly late?: LateHandling;
  readonly history: readonly RingEvent[];
}

/** From which all times follow. */
export interface RingTimes {
  /** For how long verifiers may keep a JWKS. */
  readonly jwksMaxAgeSeconds: number;
  /** The longest lifetime of a token, with the tolerance that verifiers give it. */
  readonly longestTokenSeconds: number;
  /** How long after it was issued a token may be judged, by who handles late what came with it. */
  readonly lateHandlingSeconds: number;
  /** How long a key signs before the next one does. */
  readonly rotationSeconds: number;
}

/** A key that was just made. */
export type NewKey = Pick<RingKey, 'kid' | 'algorithm' | 'jwks'>;
export type KeyGenerator = (algorithm: KeyAlgorithm) => Promise<NewKey>;

/** Who changes the ring, and why. */
export interface Change {
  readonly now: number;
  readonly by: string;
  readonly reason?: string;
}

const KEPT_EVENTS = 200;
/** Of those that tell what is configured: they must not push out what was done. */
const KEPT_CONFIGURED_EVENTS = 20;
/** By when every auth has the ring that says for how long to keep what is revoked. */
const FOLLOWED_SECONDS = 10;
const KEPT_RETIRED_KEYS = 100;
/** Verifiers take a JWKS of 64 KiB, and a key of 2048 bits for RSA takes half a KiB of it. */
const MAX_PUBLISHED_KEYS = 120;
/** What rotations that somebody asks for add to those of the schedule. */
const UNPLANNED_KEYS = 20;

/** How long a key is published before it signs. */
export function leadSeconds({ jwksMaxAgeSeconds }: RingTimes): number {
  return 2 * jwksMaxAgeSeconds;
}

/** Whether all keys that rotate by themselves, and some more, make a set that verifiers take. */
export function fitsIntoKeySet(times: RingTimes): boolean {
  const pause = Math.max(times.rotationSeconds, leadSeconds(times));
  return 2 + Math.ceil(servedSeconds(times) / pause) <= MAX_PUBLISHED_KEYS - UNPLANNED_KEYS;
}

/** A rotation is planned already. */
export class RotationPending extends Error {
  constructor(readonly rotation: PlannedRotation) {
    super('a rotation is planned already');
  }
}

export class UnknownKey extends Error {}

/** Of a ring whose keys have signed nothing yet: everything that they will have signed is kept for so long. */
const keptAlways = (seconds: number): LateHandling => ({ seconds, since: 0, before: seconds });

/** A first ring: its key signs at once, as nobody can have fetched any other. */
export async function newRing(
  id: string,
  algorithm: KeyAlgorithm,
  generate: KeyGenerator,
  change: Change,
  lateHandlingSeconds = 0,
): Promise<Ring> {
  const { now } = change;
  const [first, second] = [await generate(algorithm), await generate(algorithm)];
  return recorded(
    {
      id,
      createdAt: now,
      version: 1,
      keys: [
        { ...first, state: 'active', publishedAt: now, activatedAt: now },
        { ...second, state: 'pending', publishedAt: now },
      ],
      late: keptAlways(lateHandlingSeconds),
      history: [],
    },
    change,
    ['created'],
    ['activated', first.kid],
    ['published', second.kid],
  );
}

export function activeKey(ring: Ring): RingKey {
  return only(ring, 'active');
}

/** The key that signs next. */
export function standbyKey(ring: Ring): RingKey {
  return only(ring, 'pending');
}

/** What verifiers fetch. */
export function publishedKeys(ring: Ring): readonly RingKey[] {
  return ring.keys.filter(({ state }) => state === 'pending' || state === 'active' || state === 'retiring');
}

/** How long after it was issued a token may be judged late now: no token is older for which not all was kept. */
export function lateHandlingSeconds({ late = keptAlways(0) }: Ring, now: number): number {
  return now - late.since >= late.seconds ? late.seconds : late.before;
}

/**
 * The ring with what is configured now: the same ring where that is the same. For longer, it counts from when everybody
 * keeps what is revoked for longer, as what was forgotten already doesn't come back; for less, that was kept all the while.
 */
export function withLateHandling(ring: Ring, seconds: number, change: Change): Ring {
  const { late = keptAlways(0) } = ring;
  if (late.seconds === seconds) return ring;
  const since = seconds > late.seconds ? change.now + FOLLOWED_SECONDS : late.since;
  const before = Math.min(lateHandlingSeconds(ring, change.now), seconds);
  return recorded(changed({ ...ring, late: { seconds, since, before } }, {}), change, ['late handling changed']);
}

/** Whether time alone changes the ring by now. */
export function isDue(ring: Ring, times: RingTimes, now: number): boolean {
  return isRotationDue(ring, times, now) || ring.keys.some((key) => hasServed(key, ring, times, now));
}

/** What time alone makes of the ring: the same ring where it changes nothing. */
export async function advance(ring: Ring, times: RingTimes, generate: KeyGenerator, change: Change): Promise<Ring> {
  const { now } = change;
  let next = ring;
  const served = ring.keys.filter((key) => hasServed(key, ring, times, now));
  if (served.length > 0) {
    next = recorded(
      changed(next, {
        keys: next.keys.map((key) => (served.includes(key) ? gone(key, 'retired', now) : key)),
      }),
      change,
      ...served.map(({ kid }) => ['retired', kid] as const),
    );
  }
  return isRotationDue(next, times, now) ? promote(next, times, generate, change) : next;
}

/**
 * Plans the next key to sign as soon as every verifier has had time to fetch it: one of another algorithm has to be
 * made first. `advance` does the rest.
 *
 * @throws RotationPending
 */
export async function planRotation(
  ring: Ring,
  times: RingTimes,
  algorithm: KeyAlgorithm | undefined,
  generate: KeyGenerator,
  change: Change,
): Promise<Ring> {
  if (ring.rotation) throw new RotationPending(ring.rotation);
  let next = ring;
  const standby = standbyKey(ring);
  if (algorithm !== undefined && algorithm !== standby.algorithm) {
    // It has signed nothing: nobody misses it.
    const keys = ring.keys.map((key) => (key === standby ? gone(key, 'retired', change.now) : key));
    next = recorded(changed(ring, { keys }), change, ['retired', standby.kid]);
    next = await withStandby(next, algorithm, generate, change);
  }
  const { kid, publishedAt } = standbyKey(next);
  const dueAt = Math.max(change.now, publishedAt + leadSeconds(times), roomAt(next, times));
  return recorded(changed(next, { rotation: { kid, dueAt } }), change, ['rotation planned', kid]);
}

/**
 * Takes a key out at once, whatever becomes of its tokens; if it signs, the standby signs from now on. If it was about
 * to, another of its kind will.
 *
 * @throws UnknownKey for a key that isn't, and wasn't lately, in the ring
 */
export async function compromise(
  ring: Ring,
  times: RingTimes,
  kid: string,
  generate: KeyGenerator,
  change: Change,
): Promise<Ring> {
  const key = ring.keys.find((candidate) => candidate.kid === kid);
  if (!key) throw new UnknownKey();
  if (key.state === 'compromised') return ring;
  const next = recorded(
    changed(ring, { keys: ring.keys.map((each) => (each === key ? gone(each, 'compromised', change.now) : each)) }),
    change,
    ['compromised', kid],
  );
  if (key.state === 'active') {
    const activated = activate(next, change);
    return withStandby(activated, activeKey(activated).algorithm, generate, change);
  }
  if (key.state !== 'pending') return next;
  const renewed = await withStandby(changed(next, { rotation: undefined }), key.algorithm, generate, change);
  return ring.rotation ? planRotation(renewed, times, undefined, generate, change) : renewed;
}

/**
 * Takes out every key that there is or was lately, and begins anew: the store and what encrypts it have leaked, and with
 * them their backups.
 */
export async function compromiseAll(ring: Ring, generate: KeyGenerator, change: Change): Promise<Ring> {
  const { algorithm } = activeKey(ring);
  const lost = ring.keys.filter(({ state }) => state !== 'compromised');
  const first = await generate(algorithm);
  const keys = ring.keys.map((key) => (lost.includes(key) ? gone(key, 'compromised', change.now) : key));
  const active: RingKey = { ...first, state: 'active', publishedAt: change.now, activatedAt: change.now };
  const next = recorded(
    changed(ring, { keys: [...keys, active], rotation: undefined }),
    change,
    ...lost.map(({ kid }) => ['compromised', kid] as const),
    ['activated', first.kid],
  );
  return withStandby(next, algorithm, generate, change);
}

/** Of a ring that was written with another key of encryption. */
export function resealed(ring: Ring, change: Change): Ring {
  return recorded(changed(ring, {}), change, ['resealed']);
}

/** For how long tokens may be judged that were signed with a key that signs no more: as long as what is revoked is kept. */
function servedSeconds({ longestTokenSeconds, lateHandlingSeconds: late }: RingTimes, ring?: Ring): number {
  // Who changes the ring by hand may not know what is configured.
  return longestTokenSeconds + Math.max(late, ring?.late?.seconds ?? 0);
}

/** A rotation adds a key to the set: from when on one more can be published. */
function roomAt(ring: Ring, times: RingTimes): number {
  if (publishedKeys(ring).length < MAX_PUBLISHED_KEYS) return -Infinity;
  const retiring = ring.keys.filter(({ state }) => state === 'retiring');
  return Math.min(...retiring.map((key) => servedAt(key, ring, times)));
}

function isRotationDue(ring: Ring, times: RingTimes, now: number): boolean {
  if (roomAt(ring, times) > now) return false;
  if (ring.rotation) return ring.rotation.dueAt <= now;
  const { activatedAt = 0 } = activeKey(ring);
  return activatedAt + times.rotationSeconds <= now && standbyKey(ring).publishedAt + leadSeconds(times) <= now;
}

function hasServed(key: RingKey, ring: Ring, times: RingTimes, now: number): boolean {
  return key.state === 'retiring' && servedAt(key, ring, times) <= now;
}

/** As it was said when the key was taken out of use, and later where tokens are judged for longer now. */
function servedAt({ removedAt = -Infinity, deactivatedAt = -Infinity }: RingKey, ring: Ring, times: RingTimes): number {
  return Math.max(removedAt, deactivatedAt + servedSeconds(times, ring));
}

async function promote(ring: Ring, times: RingTimes, generate: KeyGenerator, change: Change): Promise<Ring> {
  const { algorithm } = standbyKey(ring);
  const removedAt = change.now + servedSeconds(times, ring);
  const keys = ring.keys.map((key): RingKey =>
    key.state === 'active' ? { ...withoutPrivate(key), state: 'retiring', deactivatedAt: change.now, removedAt } : key,
  );
  return withStandby(activate(changed(ring, { keys }), change), algorithm, generate, change);
}

/** The standby signs from now on. */
function activate(ring: Ring, change: Change): Ring {
  const { kid } = standbyKey(ring);
  const keys = ring.keys.map((key): RingKey =>
    key.kid === kid ? { ...key, state: 'active', activatedAt: change.now } : key,
  );
  return recorded(changed(ring, { keys, rotation: undefined }), change, ['activated', kid]);
}

async function withStandby(ring: Ring, algorithm: KeyAlgorithm, generate: KeyGenerator, change: Change): Promise<Ring> {
  const made = await generate(algorithm);
  const keys: RingKey[] = [...ring.keys, { ...made, state: 'pending', publishedAt: change.now }];
  return recorded(changed(ring, { keys }), change, ['published', made.kid]);
}

/** Nobody needs it any more, and nobody can lose it. */
function withoutPrivate({ jwks, ...key }: RingKey): RingKey {
  return { ...key, ...(jwks && { jwks: { public: jwks.public } }) };
}

/** Without its halves: what it could do is over. */
function gone(key: RingKey, state: 'retired' | 'compromised', now: number): RingKey {
  const { kid, algorithm, publishedAt, activatedAt, deactivatedAt = key.state === 'active' ? now : undefined } = key;
  return {
    ...{ kid, algorithm, state, publishedAt, removedAt: now },
    ...(activatedAt !== undefined && { activatedAt }),
    ...(deactivatedAt !== undefined && { deactivatedAt }),
  };
}

function changed(
  ring: Ring,
  { keys = ring.keys, ...more }: { keys?: readonly RingKey[]; rotation?: PlannedRotation | undefined },
): Ring {
  const { rotation: before, ...rest } = ring;
  const rotation = 'rotation' in more ? more.rotation : before;
  // Those that were compromised stay: what is refused for ever is known for ever.
  const retired = keys.filter(({ state }) => state === 'retired').slice(0, -KEPT_RETIRED_KEYS);
  return {
    ...rest,
    version: ring.version + 1,
    keys: keys.filter((key) => !retired.includes(key)),
    ...(rotation && { rotation }),
  };
}

function recorded(
  ring: Ring,
  { now, by, reason }: Change,
  ...events: readonly (readonly [what: RingEvent['what'], kid?: string])[]
): Ring {
  const added = events.map(([what, kid]): RingEvent => ({
    at: now,
    what,
    by,
    ...(kid !== undefined && { kid }),
    ...(reason !== undefined && { reason }),
  }));
  return { ...ring, history: kept([...ring.history, ...added]) };
}

function kept(history: readonly RingEvent[]): readonly RingEvent[] {
  const configured = history.filter(({ what }) => what === 'late handling changed' || what === 'resealed');
  const dropped = new Set(configured.slice(0, -KEPT_CONFIGURED_EVENTS));
  return history.filter((event) => !dropped.has(event)).slice(-KEPT_EVENTS);
}

function only(ring: Ring, state: KeyState): RingKey {
  const [key, ...others] = ring.keys.filter((candidate) => candidate.state === state);
  if (!key || others.length > 0)
    throw new Error(`the ring has ${others.length + (key ? 1 : 0)} keys that are ${state}`);
  return key;
}
