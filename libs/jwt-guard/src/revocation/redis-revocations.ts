import { CopiedRevocations } from './copied-revocations';
import { type RedisConnection } from './redis-connection';
import { RedisRevocationStream } from './redis-revocation-stream';
import { RevocationCopy, type RevocationCopyOptions, type RevocationObserver } from './revocation-copy';
import { StreamFollower } from './stream-follower';

const CONNECT_MS = 2_000;

export interface RedisRevocationsOptions extends RevocationCopyOptions {
  /**
   * Makes a connection, by ioredis, and is called twice: a read that waits needs one of its own. It must fail its
   * commands while Redis is away (`enableOfflineQueue: false`) and those without an answer after some time
   * (`commandTimeout`, above one second), and connect again by itself. An ACL user that may read is enough:
   * `~tr:{revocations}:* -@all +hmget +hscan +xread +xrevrange`, and `+info +hello +auth` for ioredis to connect.
   */
  readonly connect: () => RedisConnection;
  readonly observer?: RevocationObserver;
}

/**
 * The revocations of an issuer read from its Redis itself, past the issuer's own feed: for services that are close to
 * that Redis, and go on hearing of revocations while the issuer is away.
 */
export class RedisRevocations extends CopiedRevocations {
  readonly #connect: () => RedisConnection;
  readonly #observer: RevocationObserver | undefined;
  #following: { readonly follower: StreamFollower; readonly connections: readonly RedisConnection[] } | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws TypeError naming the option that is missing or makes no sense */
  constructor({ connect, observer, ...options }: RedisRevocationsOptions) {
    if (typeof options.issuer !== 'string' || options.issuer === '') throw new TypeError('issuer: required, a string');
    if (typeof connect !== 'function') throw new TypeError('connect: required, a function that makes a connection');
    super(new RevocationCopy(options));
    this.#connect = connect;
    this.#observer = observer;
  }

  start(): Promise<void> {
    if (!this.#following && !this.#closed) {
      const [reading, waiting] = [this.#connect(), this.#connect()];
      const stream = new RedisRevocationStream(reading, waiting);
      const follower = new StreamFollower(stream, { copy: this.copy, observer: this.#observer });
      // Before that every command would fail; what isn't there for long is told of like any failure.
      void Promise.all([isReady(reading), isReady(waiting)]).then(() => this.#closed || follower.start());
      this.#following = { follower, connections: [reading, waiting] };
      this.#sweeping = setInterval(() => this.copy.sweep(), 60_000).unref();
    }
    return this.copy.whenReady;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeping);
    void this.#following?.follower.close();
    for (const connection of this.#following?.connections ?? []) connection.disconnect();
  }
}

/** Waits for the connection, but not for long. */
async function isReady(connection: RedisConnection): Promise<void> {
  if (connection.status === 'ready') return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CONNECT_MS);
    connection.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
