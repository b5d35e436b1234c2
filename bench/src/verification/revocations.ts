import { type Principal, RevocationCopy, type RevocationEntry, type RevocationSource } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { type Contender } from '../harness/contender';
import { coldBy, ownVerifier, type OwnSetting, warmBy } from './own';
import { readTokens } from './tokens';

export interface RevocationSetting extends OwnSetting {
  /** How many entries there are. */
  readonly entries: number;
}

/** Nothing is revoked from here on: the verifier asks of each token once. */
export function warmWithRevocations({ file, entries }: RevocationSetting): Promise<Contender> {
  const tokens = readTokens(file);
  return warmBy(ownVerifier(tokens, { revocation: filled(tokens.issuer, entries) }), file);
}

/** As if between any two requests with a token something was revoked: the verifier asks each time. */
export function warmAskedEachTime({ file, entries }: RevocationSetting): Promise<Contender> {
  const tokens = readTokens(file);
  const copy = filled(tokens.issuer, entries);
  const revocation: RevocationSource = {
    isRevoked: (principal) => copy.isRevoked(principal),
    isKeyRevoked: (issuer, kid) => copy.isKeyRevoked(issuer, kid),
  };
  return warmBy(ownVerifier(tokens, { revocation }), file);
}

export function coldWithRevocations({ file, entries, verdictCacheSize }: RevocationSetting): Promise<Contender> {
  const tokens = readTokens(file);
  const revocation = filled(tokens.issuer, entries);
  const options = verdictCacheSize === undefined ? { revocation } : { revocation, verdictCacheSize };
  return coldBy(ownVerifier(tokens, options), tokens);
}

export interface CheckSetting extends RevocationSetting {
  /** How many tokens are asked about in turns: what is asked about many others comes from the memory, not from caches. */
  readonly tokens: number;
}

/** The check alone, as the verifier makes it for a token that isn't revoked. */
export function checkAlone({ file, entries, tokens }: CheckSetting): Contender {
  const { issuer, jwk } = readTokens(file);
  const copy = filled(issuer, entries);
  const principals = Array.from({ length: tokens }, () => exchangedTwice(issuer, jwk.kid));
  let next = 0;
  return {
    run(count) {
      for (let left = count; left > 0; left--) {
        const principal = principals[next] as Principal;
        next = (next + 1) % tokens;
        if (copy.isKeyRevoked(principal.issuer, principal.keyId) || copy.isRevoked(principal))
          throw new Error('a wrong verdict');
      }
      return Promise.resolve();
    },
  };
}

function filled(issuer: string, entries: number): RevocationCopy {
  const copy = new RevocationCopy({ issuer });
  // As off the wire: each text is one of its own.
  copy.merge(Array.from({ length: entries }, (_, i) => JSON.parse(JSON.stringify(entry(i))) as RevocationEntry));
  copy.completeAsOf(0);
  if (copy.stats.entries !== entries) throw new Error('the list does not hold what was added');
  return copy;
}

/** Tokens, sessions and users, in equal parts. */
function entry(number: number): RevocationEntry {
  const until = Math.floor(Date.now() / 1000) + 3_600;
  const value = randomUUID();
  if (number % 3 === 0) return { kind: 'jti', value, until };
  return number % 3 === 1 ? { kind: 'sid', value, until } : { kind: 'sub', value, epoch: 1, until };
}

/** Of all tokens the one that takes longest, since what it comes from is asked for too. */
function exchangedTwice(issuer: string, kid: string): Principal {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: randomUUID(),
    jti: randomUUID(),
    sid: randomUUID(),
    sub_epoch: 1,
    iat: now,
    origin_jti: randomUUID(),
    origin_kid: kid,
    origin_iat: now,
    via_jti: [randomUUID()],
  };
  return {
    id: claims.sub,
    subject: claims.sub,
    issuer,
    audience: 'gateway',
    scopes: [],
    roles: [],
    clientId: 'gateway',
    sessionId: claims.sid,
    tokenId: claims.jti,
    actor: [],
    transactionId: undefined,
    expiresAt: now + 300,
    keyId: kid,
    algorithm: 'ES256',
    claims,
  };
}
