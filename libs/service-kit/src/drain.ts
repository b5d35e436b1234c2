import { type DynamicModule, Module } from '@nestjs/common';

/**
 * In which part of the time what has no end of its own is ended: before, whoever comes back is led here again; and after
 * it, there is a while left in which to come back.
 */
const FIRST_END = 0.4;
const LAST_END = 0.9;
/** How long nothing has to be under way before connections are ended: for the first request of those that are new. */
const QUIET_MS = 1_000;
/** How long requests that are under way may take, once nobody new is served. */
const SETTLE_LIMIT_MS = 8_000;

interface Lasting {
  readonly end: () => void;
  timer?: NodeJS.Timeout;
}

/**
 * The end of a service that loses no request:
 *
 * 1. It isn't ready any more, and goes on serving as before for `seconds`: however many balancers there are, each needs
 *    a while to hear of it, and sends new connections until then. So this time is never cut short, not even where no
 *    connection is open. What has no end of its own is ended in this time, one after the other.
 * 2. It stops listening. What is under way is finished, for up to 8 s.
 *
 * Nothing that serves is closed before that.
 */
export class Drain {
  readonly #lasting = new Set<Lasting>();
  readonly #stops = new Set<() => void>();
  #begunAt: number | undefined;
  #underWay = 0;
  #changed: () => void = () => undefined;
  #settled: Promise<void> | undefined;

  /** @param seconds how long it goes on serving; 0 for not at all */
  constructor(readonly seconds: number) {}

  get isDraining(): boolean {
    return this.#begunAt !== undefined;
  }

  /** Something is under way that has to be finished. @returns what to call when it is; again for nothing */
  begin(): () => void {
    this.begun();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.ended();
    };
  }

  /** The same, for whoever is sure to tell of the end once. */
  begun(): void {
    this.#underWay++;
    this.#changed();
  }

  /** What was begun has ended. */
  ended(): void {
    this.#underWay--;
    this.#changed();
  }

  /**
   * Something goes on for as long as it is let: a stream, a socket, a connection that is kept.
   *
   * @param end is called while the service drains, each at a time of its own, so that not all come back at once
   * @returns what to call when it has ended by itself
   */
  lasting(end: () => void): () => void {
    const lasting: Lasting = { end };
    this.#lasting.add(lasting);
    if (this.isDraining) this.#endLater(lasting, Math.random());
    return () => {
      clearTimeout(lasting.timer);
      this.#lasting.delete(lasting);
    };
  }

  /** @param stop ends listening, and connections on which nothing is under way; called once */
  onStop(stop: () => void): void {
    this.#stops.add(stop);
  }

  /** Drains. Resolves when nothing is under way any more, or has taken too long. */
  async run(): Promise<void> {
    this.#begin();
    await new Promise((over) => setTimeout(over, this.seconds * 1000));
    for (const stop of this.#stops) stop();
    await this.settled();
  }

  /** Lets what is under way be finished, for up to 8 s, and has nobody wait but those. */
  settled(): Promise<void> {
    this.#begin();
    return (this.#settled ??= new Promise((resolve) => {
      let quiet: NodeJS.Timeout | undefined;
      const limit = setTimeout(resolve, SETTLE_LIMIT_MS).unref();
      this.#changed = () => {
        clearTimeout(quiet);
        if (this.#underWay > 0) return;
        quiet = setTimeout(
          () => {
            clearTimeout(limit);
            resolve();
          },
          this.seconds > 0 ? QUIET_MS : 0,
        );
      };
      this.#changed();
    }));
  }

  #begin(): void {
    if (this.isDraining) return;
    this.#begunAt = performance.now();
    let i = 0;
    for (const lasting of this.#lasting) this.#endLater(lasting, (i++ + 0.5) / this.#lasting.size);
  }

  /** @param part of the time that is left for it, from 0 to 1 */
  #endLater(lasting: Lasting, part: number): void {
    const ms = this.seconds * 1000;
    const passed = performance.now() - (this.#begunAt ?? 0);
    const first = Math.max(passed, ms * FIRST_END);
    const at = first + part * Math.max(0, ms * LAST_END - first);
    lasting.timer = setTimeout(lasting.end, at - passed);
  }
}

/** Lets a service's parts take part in its end. */
@Module({})
export class DrainModule {
  static forRoot(drain: Drain): DynamicModule {
    return {
      module: DrainModule,
      global: true,
      providers: [{ provide: Drain, useValue: drain }],
      exports: [Drain],
    };
  }
}
