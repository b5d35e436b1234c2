import { type EventSourceMessage } from 'eventsource-parser';
import { type RevocationCopy } from './revocation-copy';
import { parseRevocationEntry, type RevocationEntry } from './revocation-entry';

const VERSION = 1;
/** Goes into a header again: nothing that a header can't hold. */
const POSITION = /^([\x21-\x7e]{1,128})\.(\d{1,15})$/;

interface ReaderOptions {
  readonly issuer: string;
  readonly copy: RevocationCopy;
  /** Where the connection was asked to go on: the last id of one before. */
  readonly resumeFrom: string | undefined;
}

/** Reads what comes on one connection of a feed into the copy. What is in it counts, however the connection ends. */
export class FeedReader {
  readonly #issuer: string;
  readonly #copy: RevocationCopy;
  /**
   * `opening`: was asked to go on, and hasn't shown yet whether it does. Only what is `live` makes the copy complete:
   * whatever was revoked before it has come, by a whole snapshot or since the position.
   */
  #phase: 'greeting' | 'opening' | 'snapshot' | 'live' = 'greeting';
  #position: string | undefined;

  constructor({ issuer, copy, resumeFrom }: ReaderOptions) {
    this.#issuer = issuer;
    this.#copy = copy;
    this.#position = resumeFrom;
  }

  get live(): boolean {
    return this.#phase === 'live';
  }

  /** Where the next connection can go on; without it, it begins with a snapshot. */
  get position(): string | undefined {
    return this.#position;
  }

  /** @throws Error for what can't be read, and so can't be passed over: the connection is of no use any more */
  read({ event, id, data }: EventSourceMessage): void {
    if (this.#phase === 'greeting') return this.#greet(event, data);
    switch (event ?? 'message') {
      case 'snapshot':
        this.#inSnapshot();
        return this.#merge(entriesOf(data));
      case 'snapshot-end':
        this.#inSnapshot();
        return this.#endSnapshot(id, ageOf(data));
      case 'revoked':
        this.#merge([json(data)]);
        return this.#advance(id);
      case 'keys-changed':
        this.#merge([{ ...members(json(data)), kind: 'keys' }]);
        return this.#advance(id);
      case 'heartbeat':
        if (this.#phase === 'snapshot') throw new Error('a heartbeat came before the end of the snapshot');
        this.#copy.completeAsOf(ageOf(data));
        this.#phase = 'live';
        return;
      case 'renewed':
        this.#position = undefined;
        throw new Error('the stream was renewed');
      default:
        throw new Error('an event of an unknown kind came');
    }
  }

  #greet(event: string | undefined, data: string): void {
    if (event !== 'hello') throw new Error('the first event was no hello');
    const { issuer, version } = members(json(data));
    if (issuer !== this.#issuer) throw new Error('the feed is of another issuer');
    if (version !== VERSION) throw new Error(`the feed is of another version than ${VERSION}`);
    this.#phase = this.#position === undefined ? 'snapshot' : 'opening';
  }

  #inSnapshot(): void {
    if (this.#phase === 'live') throw new Error('a snapshot came where none was due');
    this.#phase = 'snapshot';
    // It wasn't accepted.
    this.#position = undefined;
  }

  #endSnapshot(id: string | undefined, ageMs: number): void {
    if (!POSITION.test(id ?? '')) throw new Error('the end of the snapshot has no readable id');
    this.#position = id;
    this.#phase = 'live';
    this.#copy.keysMayHaveChanged();
    this.#copy.completeAsOf(ageMs);
  }

  #advance(id: string | undefined): void {
    // Of one that comes during a snapshot nobody knows what came before it.
    if (this.#phase === 'snapshot') return;
    if (!follows(this.#position, id)) {
      this.#position = undefined;
      throw new Error('the ids have a gap');
    }
    this.#position = id;
    this.#phase = 'live';
  }

  #merge(values: readonly unknown[]): void {
    const entries: RevocationEntry[] = [];
    const errors: Error[] = [];
    for (const value of values) {
      try {
        entries.push(parseRevocationEntry(value));
      } catch (error) {
        errors.push(error as Error);
      }
    }
    // One that can't be read keeps none of the others from being enforced.
    this.#copy.merge(entries);
    const [unreadable] = errors;
    if (unreadable) throw unreadable;
  }
}

function follows(before: string | undefined, id: string | undefined): boolean {
  const [, stream, number] = POSITION.exec(before ?? '') ?? [];
  const [, nextStream, nextNumber] = POSITION.exec(id ?? '') ?? [];
  return stream !== undefined && stream === nextStream && Number(nextNumber) === Number(number) + 1;
}

function entriesOf(data: string): readonly unknown[] {
  const { entries } = members(json(data));
  if (!Array.isArray(entries)) throw new Error('a snapshot has no list of entries');
  return entries;
}

function ageOf(data: string): number {
  const { ageMs } = members(json(data));
  if (typeof ageMs !== 'number' || !Number.isFinite(ageMs) || ageMs < 0) throw new Error('an age is no number');
  return ageMs;
}

function members(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? value : {};
}

function json(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    // The error would quote the data, which is long and may be anything.
    throw new Error('an event holds no JSON');
  }
}
