import { randomUUID } from 'node:crypto';
import { isTransactionId, TRANSACTION_ID_HEADER } from './transaction-id';

/** W3C Trace Context. */
export const TRACEPARENT_HEADER = 'traceparent';
/** How long, in milliseconds, the caller waits for the answer. Not a time of day: clocks are apart. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';
/** The language that the user is to be answered in: a tag of BCP 47. */
export const LOCALE_HEADER = 'x-locale';

/**
 * What travels along with a call unsigned: hints, replaced where clients connect, by which nothing may ever be
 * decided that a token is there for.
 */
export interface ContextHints {
  /** Names the call in answers and logs, on every service that it passes. */
  readonly transactionId: string;
  /** W3C Trace Context, `traceparent`; `undefined` where none came. */
  readonly traceparent: string | undefined;
  /** A tag of BCP 47, `de-CH`; `undefined` where nobody has said. */
  readonly locale: string | undefined;
  /** When the caller stops waiting, by `performance.now()`; `undefined` where nobody has said. */
  readonly deadline: number | undefined;
  /** The hint that came and can't be one: the call is refused for it. */
  readonly malformed?: string;
}

/** Version, 16 bytes of trace id and 8 of parent id that aren't all zero, flags: what all versions have, and no more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function isTraceparent(value: string): boolean {
  return TRACEPARENT.test(value);
}

const LOCALE = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$/;
const TIMEOUT = /^[1-9]\d{0,6}$/;

/**
 * The hints of a call from a service of the same system. What is missing is made up; what can't be a hint, is too long
 * or is there twice, is `malformed`.
 *
 * @param valuesOf every value that came under a name
 */
export function acceptedHints(valuesOf: (name: string) => readonly string[]): ContextHints {
  let malformed: string | undefined;
  const hint = (name: string, isOne: (value: string) => boolean): string | undefined => {
    const values = valuesOf(name);
    const [value] = values;
    if (value === undefined) return undefined;
    if (values.length === 1 && isOne(value)) return value;
    malformed ??= name;
    return undefined;
  };
  const transactionId = hint(TRANSACTION_ID_HEADER, isTransactionId) ?? randomUUID();
  const traceparent = hint(TRACEPARENT_HEADER, isTraceparent);
  const locale = hint(LOCALE_HEADER, (value) => LOCALE.test(value));
  const timeout = hint(TIMEOUT_HEADER, (value) => TIMEOUT.test(value));
  const deadline = timeout === undefined ? undefined : performance.now() + Number(timeout);
  return { transactionId, traceparent, locale, deadline, ...(malformed !== undefined && { malformed }) };
}

/**
 * The hints of a call that begins here, whatever its client says.
 *
 * @param acceptLanguage the language that the client asks for, which is its to choose
 */
export function ownHints(acceptLanguage?: string): ContextHints {
  return new OwnHints(acceptLanguage === undefined ? undefined : preferredLocale(acceptLanguage));
}

class OwnHints implements ContextHints {
  readonly traceparent = undefined;
  readonly deadline = undefined;
  #transactionId: string | undefined;

  constructor(readonly locale: string | undefined) {}

  /** Made when somebody asks for it: many calls are over before. */
  get transactionId(): string {
    return (this.#transactionId ??= randomUUID());
  }
}

function preferredLocale(acceptLanguage: string): string | undefined {
  const [preferred = ''] = acceptLanguage.split(/[,;]/, 1);
  return LOCALE.test(preferred.trim()) ? preferred.trim() : undefined;
}

/**
 * The `traceparent` of a trace that begins with this call. Its id is the transaction's where that is a UUID, so that
 * either leads to the other; not sampled, for nobody here records it.
 */
export function newTraceparent(transactionId: string): string {
  const uuid = UUID.test(transactionId) ? transactionId : randomUUID();
  const random = uuid.slice(24);
  const traceId = uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + random;
  // The call has no span whose id it could be: it gets digits that are random in a UUID.
  return `00-${traceId}-${uuid.slice(0, 4)}${random}-00`;
}

/** One of which neither all digits are zeros nor those of the parent id. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-(?!0{12})[0-9a-f]{12}$/;
