import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader } from 'jose';
import { hostileTransactions, legitimateTransactions } from './hostile-transactions';
import { TestIssuer } from './test-issuer';

describe.each(['ES256', 'RS256', 'EdDSA'])('the transaction tokens of an issuer that signs with %s', (algorithm) => {
  it('are different tokens, each with a name of its own', async () => {
    const issuer = await TestIssuer.create({ algorithm });
    const listed = [...(await hostileTransactions(issuer)), ...legitimateTransactions(issuer)];
    expect(listed.length).toBeGreaterThan(120);
    expect(new Set(listed.map(({ name }) => name)).size).toBe(listed.length);
    expect(new Set(listed.map(({ token }) => token)).size).toBe(listed.length);
  });

  it('are signed well wherever a claim is what they are refused for, and wherever nothing is', async () => {
    const issuer = await TestIssuer.create({ algorithm });
    const keys = createLocalJWKSet(issuer.jwks);
    const ofClaims = (await hostileTransactions(issuer)).filter(({ stage }) => stage === 'validate_claims');
    for (const { token } of [...ofClaims, ...legitimateTransactions(issuer)]) await compactVerify(token, keys);
    expect(ofClaims.length).toBeGreaterThan(60);
  });
});

describe('TestIssuer', () => {
  it('mints transaction tokens, which have what access tokens have not, and the reverse', async () => {
    const issuer = await TestIssuer.create({ trustDomain: 'https://domain.test' });
    const token = await issuer.transactionToken({ scope: 'documents:read', tctx: undefined });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'txntoken+jwt', kid: issuer.key.kid });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ aud: 'https://domain.test', scope: 'documents:read', req_wl: 'gateway' });
    for (const name of ['client_id', 'jti', 'act', 'tctx']) expect(claims).not.toHaveProperty(name);
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60);
  });

  it('mints the tokens of services, which are of nobody else', async () => {
    const issuer = await TestIssuer.create();
    const claims = decodeJwt(await issuer.serviceToken('resource', { aud: 'audit' }));
    expect(claims).toMatchObject({ sub: 'resource', client_id: 'resource', aud: 'audit' });
    for (const name of ['sid', 'act', 'scope']) expect(claims).not.toHaveProperty(name);
  });
});
