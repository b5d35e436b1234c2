import { type TestIssuer } from '@token-relay/testing';
import { type JwtGuardOptions, type RevocationSource, VerifierUnavailable } from '../src';

/** A revocation source that is as far behind as a test says. */
export class AgingSource implements RevocationSource {
  ageSeconds = 0;
  ready = true;
  readonly revoked = new Set<string>();
  readonly listeners = new Set<() => void>();

  isRevoked({ tokenId }: { readonly tokenId: string | undefined }): boolean {
    if (this.revoked.has(tokenId ?? '')) return true;
    if (!this.ready) throw new VerifierUnavailable('revocation_unavailable');
    return false;
  }

  subscribe(changed: () => void): () => void {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }
}

export function guardOptions(issuer: TestIssuer, revocation: RevocationSource): JwtGuardOptions {
  return {
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
    now: issuer.clock.now,
    revocation,
  };
}

/** What a call gets: `ok`, or the code of its refusal. */
export type Call = (token: string) => Promise<string>;

/**
 * That revocations may be just as old as the limit for a call, and no older; with a token that comes for the first time,
 * and with one that was verified before. A limit of Infinity: as old as can be.
 */
export async function expectLimit(issuer: TestIssuer, source: AgingSource, limit: number, call: Call): Promise<void> {
  const outcomes = async (ageSeconds: number): Promise<string[]> => {
    source.ageSeconds = 0;
    const known = await issuer.token({ jti: 'known' });
    await call(known);
    source.ageSeconds = ageSeconds;
    try {
      return [await call(known), await call(await issuer.token({ jti: 'new' }))];
    } finally {
      source.ageSeconds = 0;
    }
  };
  if (limit === Infinity) {
    expect(await outcomes(100_000)).toEqual(['ok', 'ok']);
    expect(await outcomes(Infinity)).toEqual(['ok', 'ok']);
    return;
  }
  expect(await outcomes(limit)).toEqual(['ok', 'ok']);
  expect(await outcomes(limit + 0.1)).toEqual(['revocation_stale', 'revocation_stale']);
  expect(await outcomes(Infinity)).toEqual(['revocation_stale', 'revocation_stale']);
}
