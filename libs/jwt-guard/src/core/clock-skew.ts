import { type ClockSkewEvent } from './observer';

/** How many readings in a row it takes: one answer may have been held up on its way. */
const READINGS = 3;

/** How far the clock here is from another's, from the `Date` and `Age` of its HTTP answers. */
export class ClockSkew {
  #seconds: number | undefined;
  #beyond = 0;

  constructor(readonly toleranceSeconds: number) {}

  /** The last reading: positive where the clock here is ahead. */
  get seconds(): number | undefined {
    return this.#seconds;
  }

  /**
   * Takes a reading; an answer without a `Date` is none.
   *
   * @param nowSeconds this machine's clock, half-way between asking and being answered
   * @param tripSeconds how long that took, all of which may be error
   * @returns whether this is the reading that makes it certain
   */
  read(headers: Headers, nowSeconds: number, tripSeconds: number): boolean {
    const written = headers.get('date') ?? '';
    const date = written.endsWith(' GMT') ? Date.parse(written) / 1000 : NaN;
    if (!Number.isFinite(date)) return false;
    // A cache's answer says when the origin made it, and how long ago that is: of several caches the first counts,
    // and what isn't a number of seconds doesn't (RFC 9111, section 5.1). Nobody keeps keys for a year.
    const [, age = '0'] = /^(\d{1,7})(?:,|$)/.exec(headers.get('age') ?? '0') ?? [];
    // `Date` has whole seconds: on average it is half a second old.
    this.#seconds = nowSeconds - (date + Number(age) + 0.5);
    const certain = Math.abs(this.#seconds) - tripSeconds / 2 - 0.5 > this.toleranceSeconds;
    this.#beyond = certain ? this.#beyond + 1 : 0;
    return this.#beyond === READINGS;
  }
}

/** In words, for a log. */
export function clockSkewWarning({ issuer, skewSeconds }: ClockSkewEvent): string {
  const side = skewSeconds > 0 ? 'ahead of' : 'behind';
  const seconds = Math.abs(skewSeconds).toFixed(1);
  return `The clock of this machine is ${seconds} s ${side} that of ${issuer}: tokens will be refused for their times`;
}
