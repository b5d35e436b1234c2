/** The clock of a test, in seconds since 1970-01-01T00:00:00Z; stands still until it is moved. */
export class TestClock {
  constructor(public seconds = 1_800_000_000) {}

  readonly now = (): number => this.seconds;

  advance(seconds: number): void {
    this.seconds += seconds;
  }
}
