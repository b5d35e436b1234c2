import { createPublicKey } from 'node:crypto';
import * as fc from 'fast-check';
import { hostileTokens, TestClock, TestIssuer } from '@token-relay/testing';
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { type Algorithm, JsonWebTokenError, verify } from 'jsonwebtoken';
import { type AlgorithmName } from '../src/core/algorithms';
import { type RejectionCode, TokenRejected } from '../src/core/refusals';
import { TokenVerifier } from '../src/core/token-verifier';
import { AUDIENCE, FAMILIES, type Family, goodClaims, ISSUER, NOW, Signer } from './property-signer';

/** Fixed, so that a failure is one for everybody; fast-check prints it with the counterexample. */
const SEED = 20_260_731;
const TOLERANCE = 5;
const MAX_LIFETIME = 900;
const REQUIRED = ['iss', 'aud', 'exp', 'iat', 'sub', 'jti', 'client_id'];

/** The codes of what jose accepts and we refuse, each with the rule that makes it so. */
const STRICTER: Readonly<Partial<Record<RejectionCode, string>>> = {
  token_too_large: 'no token of more than 8 KiB',
  token_malformed: 'JSON and base64url that can be read in one way only: no name twice (RFC 7519, section 4)',
  header_not_allowed: 'no key out of a token, and no header parameter that changes how it is read',
  kid_missing: 'a token names its key, even if there is but one',
  claim_malformed: 'claims are of the type that their RFC gives them, and exp is after iat',
  lifetime_too_long: 'exp - iat is limited; jose knows the time since iat only',
  not_an_access_token: 'no ID, refresh or logout token',
  proof_required: 'no token that is bound to a key (RFC 7800), as nobody here asks for the proof',
};

interface Parties {
  readonly ours: (token: string) => Promise<string>;
  readonly jose: (token: string) => Promise<string>;
  /** Absent where it doesn't know the algorithm. */
  readonly jsonwebtoken: ((token: string) => string) | undefined;
}

/** The same keys, the same expectations, the same clock for all. */
function parties(jwks: JSONWebKeySet, algorithm: Family): Parties {
  const algorithms: readonly AlgorithmName[] = FAMILIES;
  const verifier = TokenVerifier.create({
    issuers: [{ issuer: ISSUER, audience: AUDIENCE, algorithms, jwks: jwks }],
    clockToleranceSeconds: TOLERANCE,
    now: () => NOW,
  });
  const keys = createLocalJWKSet(jwks);
  const [jwk] = jwks.keys;
  if (!jwk) throw new Error('no key');
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  return {
    ours: async (token) => {
      try {
        await verifier.verify(token);
        return 'accepted';
      } catch (error) {
        if (error instanceof TokenRejected) return error.code;
        throw error;
      }
    },
    jose: async (token) => {
      try {
        await jwtVerify(token, keys, {
          issuer: ISSUER,
          audience: AUDIENCE,
          algorithms: [...algorithms],
          typ: 'at+jwt',
          clockTolerance: TOLERANCE,
          currentDate: new Date(NOW * 1000),
          maxTokenAge: MAX_LIFETIME,
          requiredClaims: REQUIRED,
        });
        return 'accepted';
      } catch (error) {
        if (error instanceof errors.JOSEError) return error.code;
        // What it makes of a key in a header that is no key.
        if (error instanceof TypeError || error instanceof DOMException) return error.name;
        throw error;
      }
    },
    jsonwebtoken:
      algorithm === 'EdDSA'
        ? undefined
        : (token) => {
            try {
              verify(token, publicKey, {
                algorithms: [algorithm satisfies Algorithm],
                issuer: ISSUER,
                audience: AUDIENCE,
                clockTolerance: TOLERANCE,
                clockTimestamp: NOW,
              });
              return 'accepted';
            } catch (error) {
              if (error instanceof JsonWebTokenError || error instanceof SyntaxError) return error.name;
              throw error;
            }
          },
  };
}

/** How often who said what. */
class Tally {
  both = 0;
  neither = 0;
  readonly stricter = new Map<string, number>();

  /** Holds one token to the rule: ours is accepted by all, and what only we refuse is refused by a listed rule. */
  async judge({ ours, jose, jsonwebtoken }: Parties, token: string): Promise<void> {
    const [here, there] = [await ours(token), await jose(token)];
    if (here === 'accepted') {
      this.both++;
      if (there !== 'accepted') throw new Error(`jose refuses what we accept: ${there}: ${token.slice(0, 2_000)}`);
      const third = jsonwebtoken?.(token) ?? 'accepted';
      if (third !== 'accepted')
        throw new Error(`jsonwebtoken refuses what we accept: ${third}: ${token.slice(0, 2_000)}`);
      return;
    }
    if (there !== 'accepted') {
      this.neither++;
      return;
    }
    if (!Object.hasOwn(STRICTER, here))
      throw new Error(`only we refuse, by no rule on the list: ${here}: ${token.slice(0, 2_000)}`);
    this.stricter.set(here, (this.stricter.get(here) ?? 0) + 1);
  }
}

const around = (...edges: readonly number[]) => edges.flatMap((edge) => [-1, -0.5, 0, 0.5, 1].map((by) => edge + by));
const ODD: readonly unknown[] = [undefined, null, '', ' ', 0, true, [], {}, [null], 'null', '\0'];

/** What may stand in the place of a claim of a good token. */
const CLAIMS: Readonly<Record<string, readonly unknown[]>> = {
  iss: [...ODD, `${ISSUER}/`, ISSUER.toUpperCase(), [ISSUER]],
  sub: ODD,
  aud: [
    ...ODD,
    [AUDIENCE],
    ['other', AUDIENCE],
    ['other'],
    [AUDIENCE, 1],
    [[AUDIENCE]],
    `${AUDIENCE} other`,
    AUDIENCE.toUpperCase(),
    ` ${AUDIENCE}`,
    AUDIENCE.slice(1),
    { [AUDIENCE]: true },
    Array.from({ length: 32 }, () => AUDIENCE),
    Array.from({ length: 33 }, () => AUDIENCE),
  ],
  client_id: ODD,
  jti: ODD,
  scope: [...ODD, 'a  b', ['a'], 'a"b'],
  exp: [
    ...ODD,
    ...around(NOW, NOW - TOLERANCE, NOW + MAX_LIFETIME, NOW + MAX_LIFETIME - TOLERANCE),
    ...[String(NOW + 300), (NOW + 300) * 1000, 1e300, -1],
  ],
  iat: [
    ...ODD,
    ...around(NOW, NOW + TOLERANCE, NOW - MAX_LIFETIME, NOW - MAX_LIFETIME - TOLERANCE, NOW + 300),
    ...[String(NOW), NOW * 1000, -1],
  ],
  nbf: [...ODD, ...around(NOW, NOW + TOLERANCE, NOW - TOLERANCE)],
  cnf: [{ jkt: 'x' }, null],
  events: [{}, null],
  act: [...ODD, { sub: 'gateway' }],
  padding: ['x'.repeat(9_000)],
};

/** What may stand in the place of a member of a good token's header. */
const HEADER: Readonly<Record<string, readonly unknown[]>> = {
  typ: [
    ...ODD,
    'AT+JWT',
    'application/at+jwt',
    'Application/AT+jwt',
    'JWT',
    'at+jwt ',
    ' at+jwt',
    'at+jwt;x=1',
    'text/at+jwt',
    'application/application/at+jwt',
    'at+\u017fwt',
    '/at+jwt',
    'dpop+jwt',
  ],
  kid: [...ODD, 'key-2', 'KEY-1'],
  alg: [...ODD, 'none', 'HS256', 'es256', ...FAMILIES, 'RS512'],
  crit: [['exp'], [], ['b64']],
  b64: [true, false],
  zip: ['DEF'],
  jku: ['https://evil.test/'],
  jwk: [{ kty: 'oct', k: 'AAAA' }],
};

type Change = readonly [name: string, value: unknown];

const changesIn = (members: typeof CLAIMS): Change[] =>
  Object.entries(members).flatMap(([name, values]) => values.map((value): Change => [name, value]));

/** A few at once: of many, one would be enough to refuse the token, whatever the others are. */
const someOf = (members: typeof CLAIMS) =>
  fc.array(fc.constantFrom(...changesIn(members)), { maxLength: 2 }).map((changes) => Object.fromEntries(changes));

/** Members written twice, and other JSON that parsers read differently. */
const REWRITINGS: readonly ((json: string) => string)[] = [
  (json) => json,
  (json) => json.replace('{', '{"sub":"other",'),
  (json) => json.replace(/}$/, ',"__proto__":{}}'),
  (json) => `\ufeff${json}`,
  (json) => ` ${json}\n`,
  (json) => json.replace(/}$/, `,"deep":${'['.repeat(20)}${']'.repeat(20)}}`),
];

describe('compared with jose and jsonwebtoken', () => {
  it.each(FAMILIES)('no hostile token of %s is accepted, and the good one is by all', async (algorithm) => {
    const issuer = await TestIssuer.create({
      algorithm,
      issuer: ISSUER,
      audience: AUDIENCE,
      clock: new TestClock(NOW),
    });
    const all = parties(issuer.jwks, algorithm);
    const tally = new Tally();
    for (const { token } of await hostileTokens(issuer)) await tally.judge(all, token);
    expect(tally.both).toBe(0);
    // Not all of them are beyond jose: the list of rules is needed, and so is the test.
    expect(tally.neither).toBeGreaterThan(20);
    expect(tally.stricter.size).toBeGreaterThan(2);
    const good = await issuer.token();
    expect([await all.ours(good), await all.jose(good), all.jsonwebtoken?.(good) ?? 'accepted']).toEqual([
      'accepted',
      'accepted',
      'accepted',
    ]);
  });

  describe.each(FAMILIES)('a token of %s that is signed rightly', (algorithm) => {
    const signer = new Signer(algorithm);
    const all = parties({ keys: [{ ...signer.jwk, kty: signer.jwk.kty ?? '' }] }, algorithm);

    it('is accepted only if all accept it, with any one change', async () => {
      const tally = new Tally();
      for (const change of changesIn(CLAIMS)) await tally.judge(all, signer.token(Object.fromEntries([change])));
      for (const change of changesIn(HEADER)) await tally.judge(all, signer.token({}, Object.fromEntries([change])));
      const [header, payload] = [signer.header(), goodClaims()].map((members) => JSON.stringify(members));
      for (const rewrite of REWRITINGS) {
        await tally.judge(all, signer.sign(header ?? '', rewrite(payload ?? '')));
        await tally.judge(all, signer.sign(rewrite(header ?? ''), payload ?? ''));
      }
      expect(tally.both).toBeGreaterThan(20);
      expect(tally.neither).toBeGreaterThan(60);
      // Every rule on the list is met, so that none stays there that has gone.
      expect([...tally.stricter.keys()].sort()).toEqual(Object.keys(STRICTER).sort());
    });

    it('is accepted only if all accept it, with a few changes', async () => {
      const tally = new Tally();
      const generated = fc
        .tuple(someOf(CLAIMS), someOf(HEADER), fc.constantFrom(...REWRITINGS))
        .map(([claims, header, rewrite]) =>
          signer.sign(JSON.stringify(signer.header(header)), rewrite(JSON.stringify(goodClaims(claims)))),
        );
      await fc.assert(
        fc.asyncProperty(generated, (token) => tally.judge(all, token)),
        { seed: SEED, numRuns: 1000 },
      );
      expect(tally.both).toBeGreaterThan(30);
      expect(tally.neither).toBeGreaterThan(100);
    });
  });

  // One boundary each, to the second and to half of one: the two sides have to change their minds at the same place.
  it.each<[claim: string, values: readonly number[], accepted: number]>([
    ['exp', [-6, -5, -4.5, -4, 0, 1].map((seconds) => NOW + seconds), 4],
    ['nbf', [-1, 0, 4, 5, 5.5, 6].map((seconds) => NOW + seconds), 4],
    ['iat', [-1, 0, 4, 5, 5.5, 6].map((seconds) => NOW + seconds), 4],
  ])('%s changes what is said at the same second', async (claim, values, accepted) => {
    const signer = new Signer('ES256');
    const all = parties({ keys: [{ ...signer.jwk, kty: signer.jwk.kty ?? '' }] }, 'ES256');
    const verdicts = await Promise.all(
      values.map(async (value) => {
        const token = signer.token({ iat: NOW - 100, [claim]: value });
        return [await all.ours(token), await all.jose(token)].map((verdict) => verdict === 'accepted');
      }),
    );
    expect(verdicts.map(([ours]) => ours)).toEqual(verdicts.map(([, jose]) => jose));
    expect(verdicts.filter(([ours]) => ours)).toHaveLength(accepted);
  });
});
