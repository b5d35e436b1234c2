import { type RevocationEntry } from './revocation-entry';

/** Where a store's stream of revocations is now. */
export interface StreamHead {
  /** Names the stream; another name is another stream, whose numbers have nothing to do with those of before. */
  readonly streamId: string;
  /** When the stream was begun, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdMs: number;
  /** Number of the last event; the first is 1. */
  readonly last: number;
  /**
   * Id of the last event; of a stream without one, that of the stream. A store that has lost its last events, and has
   * others with their numbers by now, has another one.
   */
  readonly tail: string;
  /** How far the store that was read is behind the one that is written to, in milliseconds, at the most. Default: 0. */
  readonly behindMs?: number;
  /**
   * The store was found to be another than at the last look, and may have lost what it was told last; its stream was
   * renewed in the same step. Default: false.
   */
  readonly moved?: boolean;
}

/** One thing that was revoked, or that the keys have changed, in order. */
export interface StreamEvent {
  readonly streamId: string;
  readonly n: number;
  /** Chosen at random: no other event of any stream has it. */
  readonly id: string;
  /** `id` of the event before; of the first one, that of the stream. */
  readonly previous: string;
  readonly entry: RevocationEntry;
}

/** A store's revocations, to be read: everything that is unexpired, and the last of it in order. */
export interface RevocationStream {
  /** `undefined` where there is no stream: nobody has begun one, or the store was flushed. */
  head(): Promise<StreamHead | undefined>;
  /** Everything that was revoked before it is called and is unexpired, in parts; perhaps more. */
  snapshot(): AsyncIterable<readonly RevocationEntry[]>;
  /** The newest events, oldest first. */
  recent(limit: number): Promise<readonly StreamEvent[]>;
  /** The events behind number `n`, oldest first; where there are none, those that come within `waitMs`. */
  after(n: number, waitMs: number): Promise<readonly StreamEvent[]>;
}
