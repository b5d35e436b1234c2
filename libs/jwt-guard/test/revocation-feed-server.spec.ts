import { RevocationFeedServer, TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { RevocationFeed, TokenVerifier } from '../src';

describe('the feed for tests', () => {
  it('is one that RevocationFeed follows: what it revokes is refused, before and after a service starts', async () => {
    const issuer = await TestIssuer.create({ audience: 'resource' });
    const server = await RevocationFeedServer.start(issuer.issuer);
    server.revoke({ kind: 'jti', value: 'before', until: Math.floor(Date.now() / 1000) + 900 });
    const revocation = new RevocationFeed({
      issuer: issuer.issuer,
      url: server.url,
      client: { id: 'resource', secret: 'any' },
      dangerouslyAllowHttp: true,
    });
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks }],
      revocation,
    });
    try {
      await verifier.load();
      await expect(verifier.verify(await issuer.token({ jti: 'before' }))).rejects.toMatchObject({
        code: 'token_revoked',
      });
      const token = await issuer.token({ jti: 'after' });
      await verifier.verify(token);
      const told = new Promise<void>((resolve) => revocation.subscribe(resolve));
      server.revoke({ kind: 'jti', value: 'after', until: Math.floor(Date.now() / 1000) + 900 });
      await told;
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_revoked' });
      server.fallSilent();
      const age = verifier.revocationAgeSeconds;
      await sleep(700);
      expect(verifier.revocationAgeSeconds).toBeGreaterThan(age);
    } finally {
      verifier.close();
      await server.stop();
    }
  });
});
