import { type Contender } from '../harness/contender';
import { garbled, type Tokens } from './tokens';

/** One request, as far as it says who asks. */
interface Request {
  /** `Authorization` as it came over the wire: of what is read from it a string is made anew each time. */
  readonly bytes: Buffer;
  /** `sub` of the token. */
  readonly subject: string;
}

/** The requests that one contender answers, over and over. */
export class Requests {
  #next = 0;

  private constructor(private readonly all: readonly Request[]) {
    if (all.length === 0) throw new Error('there are no requests');
  }

  static of(tokens: readonly string[]): Requests {
    return new Requests(
      tokens.map((token) => ({ bytes: Buffer.from(`Bearer ${token}`, 'latin1'), subject: subjectOf(token) })),
    );
  }

  next(): Request {
    const request = this.upcoming;
    this.#next = (this.#next + 1) % this.all.length;
    return request;
  }

  /** The one that `next` returns next: of all the longest not seen. */
  get upcoming(): Request {
    return this.all[this.#next] as Request;
  }
}

function subjectOf(token: string): string {
  const [, payload = ''] = token.split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }).sub;
}

/** How a library is asked: with the value of the header, for the subject. */
type Verify<Answer> = (authorization: string) => Answer;

/** For libraries that get the token, not the header. */
export function tokenOf(authorization: string): string {
  return authorization.slice('Bearer '.length);
}

/** Everything is accepted, and for whom it speaks is right. */
export function accepting(tokens: readonly string[], verify: Verify<unknown>): Contender {
  const requests = Requests.of(tokens);
  return {
    run(count) {
      for (let left = count; left > 0; left--) {
        const { bytes, subject } = requests.next();
        expectSubject(verify(bytes.toString('latin1')), subject);
      }
      return Promise.resolve();
    },
  };
}

export function acceptingLater(requests: Requests, verify: Verify<Promise<unknown>>): Contender {
  return {
    async run(count) {
      for (let left = count; left > 0; left--) {
        const { bytes, subject } = requests.next();
        expectSubject(await verify(bytes.toString('latin1')), subject);
      }
    },
  };
}

/** @param isExpected whether that is how it refuses a wrong signature */
export function refusing(
  tokens: Tokens,
  verify: Verify<unknown>,
  isExpected: (error: Error & { code?: unknown }) => boolean,
): Contender {
  return refusingLater(tokens, (authorization) => Promise.resolve(verify(authorization)), isExpected);
}

/** A flood of tokens of which only the signature is wrong: each is refused for it. */
export function refusingLater(
  tokens: Tokens,
  verify: Verify<Promise<unknown>>,
  isExpected: (error: Error & { code?: unknown }) => boolean,
): Contender {
  const requests = Requests.of(garbled(tokens));
  return {
    async run(count) {
      for (let left = count; left > 0; left--) {
        const { bytes } = requests.next();
        let refusal: unknown;
        try {
          await verify(bytes.toString('latin1'));
        } catch (error) {
          refusal = error;
        }
        if (!(refusal instanceof Error && isExpected(refusal)))
          throw new Error('garbage was not refused for its signature', { cause: refusal });
      }
    },
  };
}

function expectSubject(actual: unknown, expected: string): void {
  if (actual !== expected) throw new Error(`the token speaks for ${expected}, not for ${String(actual)}`);
}
