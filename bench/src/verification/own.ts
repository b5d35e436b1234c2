import { TokenRejected, TokenVerifier, type TokenVerifierOptions } from '@token-relay/jwt-guard';
import { type Contender } from '../harness/contender';
import { acceptingLater, refusingLater, Requests, tokenOf } from './requests';
import { readTokens, type Tokens } from './tokens';

/** How many users come back again and again. */
export const USERS = 500;

export function ownVerifier(
  { issuer, audience, algorithm, jwk }: Tokens,
  options: Omit<TokenVerifierOptions, 'issuers'> = {},
): TokenVerifier {
  return TokenVerifier.create({
    issuers: [{ issuer, audience, algorithms: [algorithm], jwks: { keys: [jwk] } }],
    ...options,
  });
}

export interface OwnSetting {
  /** Of the tokens. */
  readonly file: string;
  /** How many tokens a verifier remembers that gets more than that; the default where there is none. */
  readonly verdictCacheSize?: number;
}

/** From the headers of a request on, as `authenticate` takes them. */
const subjectBy = (verifier: TokenVerifier) => async (authorization: string) =>
  (await verifier.authenticate({ authorization })).subject;

/** Every user has been here before. */
export async function warm({ file }: OwnSetting): Promise<Contender> {
  return warmBy(ownVerifier(readTokens(file)), file);
}

export async function warmBy(verifier: TokenVerifier, file: string): Promise<Contender> {
  const tokens = readTokens(file).tokens.slice(0, USERS);
  const contender = acceptingLater(Requests.of(tokens), subjectBy(verifier));
  await contender.run(tokens.length);
  return contender;
}

/** None has: when a token comes again the verifier, which is always full, has forgotten it since. */
export function cold({ file, verdictCacheSize }: OwnSetting): Promise<Contender> {
  const tokens = readTokens(file);
  return coldBy(ownVerifier(tokens, verdictCacheSize === undefined ? {} : { verdictCacheSize }), tokens);
}

export async function coldBy(verifier: TokenVerifier, { tokens }: Tokens): Promise<Contender> {
  const requests = Requests.of(tokens);
  const contender = acceptingLater(requests, subjectBy(verifier));
  await contender.run(tokens.length);
  const expectForgotten = (): void => {
    if (verifier.recall(tokenOf(requests.upcoming.bytes.toString('latin1'))))
      throw new Error('the token is remembered');
  };
  return {
    async run(count) {
      // It forgets them in the order in which they come: as long as the next is forgotten, none was remembered.
      expectForgotten();
      await contender.run(count);
      expectForgotten();
    },
  };
}

export function flooded({ file }: OwnSetting): Contender {
  const tokens = readTokens(file);
  const isExpected = (error: Error) => error instanceof TokenRejected && error.code === 'signature_invalid';
  return refusingLater(tokens, subjectBy(ownVerifier(tokens)), isExpected);
}
