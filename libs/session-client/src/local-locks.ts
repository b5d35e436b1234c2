/** What is used of Web Locks. */
export interface Locks {
  request<T>(name: string, options: { signal?: AbortSignal }, work: () => Promise<T>): Promise<T>;
}

/** Exclusive locks among those who share this object: where there are no Web Locks. */
export class LocalLocks implements Locks {
  readonly #last = new Map<string, Promise<void>>();

  async request<T>(name: string, { signal }: { signal?: AbortSignal }, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const turn = before ?? Promise.resolve();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const last = turn.then(() => held);
    this.#last.set(name, last);
    try {
      await abortable(turn, signal);
      return await work();
    } finally {
      release();
      void last.then(() => {
        if (this.#last.get(name) === last) this.#last.delete(name);
      });
    }
  }
}

/** @throws the signal's reason, as soon as it is aborted */
async function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
  });
  signal.addEventListener('abort', stop);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
