import { RevocationCopy, type RevocationEntry, TokenVerifier } from '@token-relay/jwt-guard';
import { TestIssuer } from '@token-relay/testing';
import { randomUUID } from 'node:crypto';
import { heldBytes } from './heap';

const ISSUER = 'https://issuer.test';
const AUDIENCE = 'gateway';
const LIFETIME_SECONDS = 900;

/** What a verifier holds in memory, in bytes for each. Kept by the module, so that nothing of it is garbage meanwhile. */
export function openVerifierMemory() {
  const kept: object[] = [];
  return {
    /** Tokens that were found good. */
    async verdicts(count: number): Promise<number> {
      const issuer = await TestIssuer.create({ issuer: ISSUER, audience: AUDIENCE });
      const verifier = TokenVerifier.create({
        issuers: [{ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], jwks: issuer.jwks }],
      });
      kept.push(verifier);
      const exp = issuer.clock.now() + LIFETIME_SECONDS;
      const claims = () => ({ sub: randomUUID(), jti: randomUUID(), sid: randomUUID(), sub_epoch: 0, exp });
      let [first, last] = ['', ''];
      const verifyOne = async (): Promise<void> => {
        last = Buffer.from(await issuer.token(claims())).toString('latin1');
        first ||= last;
        await verifier.verify(last);
      };
      await verifyOne();
      const empty = await heldBytes();
      for (let i = 1; i < count; i++) await verifyOne();
      const bytes = ((await heldBytes()) - empty) / (count - 1);
      if (!verifier.recall(first) || !verifier.recall(last)) throw new Error('a token was forgotten');
      return bytes;
    },
    /** Entries of what is revoked: tokens, sessions and users, in equal parts. */
    async revocations(count: number): Promise<number> {
      const copy = new RevocationCopy({ issuer: ISSUER });
      kept.push(copy);
      const empty = await heldBytes();
      // As off the wire: each text is one of its own.
      for (let i = 0; i < count; i++) copy.merge([JSON.parse(JSON.stringify(entry(i))) as RevocationEntry]);
      copy.completeAsOf(0);
      const bytes = ((await heldBytes()) - empty) / count;
      if (copy.stats.entries !== count) throw new Error('the list does not hold what was added');
      return bytes;
    },
  };
}

export type VerifierMemory = ReturnType<typeof openVerifierMemory>;

function entry(index: number): RevocationEntry {
  const until = Math.floor(Date.now() / 1000) + 3_600;
  const value = randomUUID();
  if (index % 3 === 0) return { kind: 'jti', value, until };
  return index % 3 === 1 ? { kind: 'sid', value, until } : { kind: 'sub', value, epoch: 1, until };
}
