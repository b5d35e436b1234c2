import { setTimeout as sleep } from 'node:timers/promises';
import { ACCEPTED, type Chain, REVOKED, type Services, type Verdict, verdicts, write } from './chain';

/** No request hangs, whatever is broken. */
const SLOWEST_MS = 5_000;
const PAUSE_MS = 50;
/** A user can't have more than 100 documents. */
const WRITE_EVERY_MS = 1_000;

/**
 * Asks every service again and again, while something is broken, about tokens of which it is known what has to be said:
 * those that count are accepted, for reading and writing, and those that were refused as revoked stay so. Fails when
 * anything else was said, and when an answer took too long.
 *
 * @param watched chains that each service has been asked about before, and has said that of
 */
export async function watched<Result>(
  system: Services,
  watched: Partial<Watched>,
  broken: () => Promise<Result>,
): Promise<Result> {
  const watch = new Watch(system, watched);
  let result: Result;
  try {
    result = await broken();
  } finally {
    await watch.stop();
  }
  expect(watch.wrong).toEqual([]);
  return result;
}

class Watch {
  readonly #ended: Promise<unknown>;
  readonly #wrong = new Set<string>();
  #over = false;
  #rounds = 0;

  constructor(system: Services, { valid = [], revoked = [], refused = [] }: Partial<Watched>) {
    this.#ended = Promise.all([
      ...valid.flatMap((chain) => [
        this.#repeat('valid', PAUSE_MS, async () => named(await verdicts(system, chain), ACCEPTED)),
        this.#repeat('valid', WRITE_EVERY_MS, async () => named([await write(system, chain.login)], [201])),
      ]),
      ...revoked.map((chain) =>
        this.#repeat('revoked', PAUSE_MS, async () => named(await verdicts(system, chain), REVOKED)),
      ),
      ...refused.map((chain) =>
        this.#repeat('refused', PAUSE_MS, async () => named((await verdicts(system, chain)).map(refusal), REFUSED)),
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#ended;
    if (this.#rounds === 0) this.#wrong.add('nobody was asked');
  }

  get wrong(): readonly string[] {
    return [...this.#wrong];
  }

  async #repeat(name: string, pauseMs: number, look: () => Promise<readonly string[]>): Promise<void> {
    while (!this.#over) {
      const begun = performance.now();
      try {
        for (const wrong of await look()) this.#wrong.add(`${name}: ${wrong}`);
      } catch (error) {
        this.#wrong.add(`${name}: ${String(error)}`);
      }
      const took = performance.now() - begun;
      if (took > SLOWEST_MS) this.#wrong.add(`${name}: an answer took ${Math.round(took / 1000)} s`);
      this.#rounds++;
      await sleep(pauseMs);
    }
  }
}

interface Watched {
  readonly valid: readonly Chain[];
  readonly revoked: readonly Chain[];
  /** Revoked, and perhaps signed with a key that is no more. */
  readonly refused: readonly Chain[];
}

/** What is said of a token that nobody takes any more. */
export const REFUSED = ['refused', 'refused', 'refused'];

/** Which of the two reasons it has makes no difference here. */
export function refusal(verdict: Verdict): Verdict {
  return verdict === 'token_revoked' || verdict === 'key_unknown' ? 'refused' : verdict;
}

function named(found: readonly Verdict[], expected: readonly Verdict[]): string[] {
  const names = ['gateway', 'resource', 'audit'];
  return found.flatMap((verdict, i) => (verdict === expected[i] ? [] : [`${names[i]}: ${verdict}`]));
}
