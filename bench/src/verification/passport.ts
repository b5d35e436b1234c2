// What a Nest service has that follows the documentation of passport-jwt and jwks-rsa, called as @nestjs/passport calls it.
import { passportJwtSecret } from 'jwks-rsa';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { type Contender } from '../harness/contender';
import { type PeerSetting } from './peers';
import { acceptingLater, refusingLater, Requests } from './requests';
import { readTokens } from './tokens';

export function passportJwt({ file, garbage }: PeerSetting): Contender {
  const tokens = readTokens(file);
  const { issuer, audience, algorithm, jwk } = tokens;
  if (algorithm === 'EdDSA') throw new Error('jsonwebtoken, which it verifies with, has no EdDSA');
  passport.use(
    new Strategy(
      {
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        secretOrKeyProvider: passportJwtSecret({
          cache: true,
          rateLimit: true,
          jwksRequestsPerMinute: 5,
          jwksUri: `${issuer}/jwks.json`,
          fetcher: () => Promise.resolve({ keys: [jwk] }),
        }),
        issuer,
        audience,
        algorithms: [algorithm],
      },
      (payload: { sub: string }, done: (error: null, user: { sub: string }) => void) => done(null, payload),
    ),
  );
  return garbage
    ? refusingLater(tokens, subject, ({ message }) => message === 'invalid signature')
    : acceptingLater(Requests.of(tokens.tokens), subject);
}

function subject(authorization: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = { headers: { authorization } };
    const told = (error: unknown, user?: { sub: string } | false, info?: unknown): void =>
      user ? resolve(user.sub) : reject(asError(error ?? info));
    const authenticate = passport.authenticate('jwt', { session: false }, told) as (
      request: object,
      response: object,
      next: (error: unknown) => void,
    ) => void;
    authenticate(request, {}, told);
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
