import { createLocalJWKSet, jwtVerify } from 'jose';
import { legitimateTokens } from './legitimate-tokens';
import { TestIssuer } from './test-issuer';

describe.each([['ES256'], ['RS256', 'PS256'], ['EdDSA', 'ES384', 'Ed25519']])(
  'legitimateTokens of an issuer that signs with %s',
  (...algorithms) => {
    it('are at least 80, different in name and in content, and jose accepts them all', async () => {
      const issuer = await TestIssuer.create({ algorithms });
      const keys = createLocalJWKSet(issuer.jwks);
      const listed = legitimateTokens(issuer);
      const refused: string[] = [];
      for (const { name, token } of listed) {
        const { issuer: iss, audience, clock } = issuer;
        const expected = {
          issuer: iss,
          audience,
          typ: 'at+jwt',
          clockTolerance: 5,
          currentDate: new Date(clock.now() * 1000),
        };
        await jwtVerify(token, keys, expected).catch((error: Error) => refused.push(`${name}: ${error.message}`));
      }
      expect(refused).toEqual([]);
      expect(listed.length).toBeGreaterThanOrEqual(80);
      expect(new Set(listed.map(({ name }) => name)).size).toBe(listed.length);
      expect(new Set(listed.map(({ token }) => token.replace(/\.[^.]+$/, ''))).size).toBe(listed.length);
      expect(listed.map(({ name }) => name)).toEqual(
        expect.arrayContaining(algorithms.map((name) => `signed with ${name}`)),
      );
    });

    it('are not larger than a token may be, and one is just as large', async () => {
      const sizes = legitimateTokens(await TestIssuer.create({ algorithms })).map(({ token }) => token.length);
      expect(Math.max(...sizes)).toBe(8192);
    });
  },
);
