/**
 * The clock of a test, in seconds since 1970-01-01T00:00:00Z: it shows when it was made, so that its tokens are good for
 * whoever goes by the real time, and stands still until it is moved.
 */
export class TestClock {
  constructor(public seconds = Math.floor(Date.now() / 1000)) {}

  readonly now = (): number => this.seconds;

  advance(seconds: number): void {
    this.seconds += seconds;
  }
}
