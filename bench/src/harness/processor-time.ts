import { readdirSync, readFileSync } from 'node:fs';

/** What a process has computed so far, with all the threads that it has, in seconds. */
export function processorSeconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(folder).map((thread) =>
    Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ', 1)[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** What a process computes while it is asked, turn by turn. */
export class BusyShare {
  /** Requests that it answers in a second of its own, whatever else its core is used for; a figure a turn. */
  readonly rates: number[] = [];
  #begun = 0;
  #computed = 0;
  #seconds = 0;

  constructor(private readonly pid: number) {}

  begin(): void {
    this.#begun = processorSeconds(this.pid);
  }

  /** @param seconds how long it was asked since `begin`, and how often */
  end(seconds: number, requests: number): void {
    const computed = processorSeconds(this.pid) - this.#begun;
    this.rates.push(requests / computed);
    this.#computed += computed;
    this.#seconds += seconds;
  }

  /** How much of a core that was: 1 for one that it had for itself, and used all the time. */
  get value(): number {
    return this.#computed / this.#seconds;
  }
}
