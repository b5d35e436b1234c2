import { decodeJwt, generateKeyPair } from 'jose';
import { StoreUnavailable } from '@token-relay/service-kit';
import { type SigningKeys } from '../keys/signing-keys';
import { type RevocationLog } from '../revocation/revocation-log';
import { type AuthStore } from '../store/auth-store';
import { type Grant, TokenIssuer } from './token-issuer';

describe('a token that is issued', () => {
  const NOW = 1_764_100_000;
  let issuer: TokenIssuer;
  let recorded: number;
  let known: number;
  let confirmed: Promise<void>;

  beforeAll(async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const keys = { signingKey: () => Promise.resolve({ algorithm: 'ES256', kid: 'k', privateKey }) };
    const store = { mint: () => Promise.resolve(recorded) };
    const log = { issuedAt: () => NOW, firstEpoch: 1, epochOf: () => known, confirm: () => confirmed };
    issuer = new TokenIssuer(
      { ISSUER: 'https://issuer.test', ACCESS_TOKEN_SECONDS: 300 },
      keys as unknown as SigningKeys,
      store as unknown as AuthStore,
      log as unknown as RevocationLog,
    );
  });
  beforeEach(() => {
    recorded = 5;
    known = -Infinity;
    confirmed = Promise.resolve();
  });

  const GRANT = { subject: 's', audience: 'gateway', clientId: 'gateway', scopes: ['a'] };
  const claims = async (more: Partial<Grant>) => {
    return decodeJwt((await issuer.issue({ ...GRANT, ...more })).token.access_token);
  };

  it('in a session has the epoch and the time that the session began with, whatever was recorded since', async () => {
    recorded = 99;
    known = 98;
    const session = { id: 'sid', epoch: 7, authTime: NOW - 60 };
    expect(await claims({ session })).toMatchObject({ sid: 'sid', sub_epoch: 7, auth_time: NOW - 60, iat: NOW });
  });

  it.each([
    [5, -Infinity, 5],
    [5, 9, 9],
  ])('in none has the epoch that is recorded (%i) or known to be higher (%i)', async (inStore, inLog, epoch) => {
    recorded = inStore;
    known = inLog;
    const issued = await claims({});
    expect(issued.sub_epoch).toBe(epoch);
    expect(issued).not.toHaveProperty('sid');
  });

  it.each([
    [NOW + 299.5, NOW + 299],
    [NOW + 301, NOW + 300],
  ])('ends by %f, if it must, and by its own time', async (notAfter, exp) => {
    expect((await claims({ notAfter })).exp).toBe(exp);
  });

  it('is told with the name that it has', async () => {
    const { token, jti } = await issuer.issue(GRANT);
    expect(decodeJwt(token.access_token).jti).toBe(jti);
  });

  it('is none where the store has lost its memory meanwhile, unless it comes from another token', async () => {
    const refused = Promise.reject<void>(new StoreUnavailable());
    refused.catch(() => undefined);
    confirmed = refused;
    await expect(issuer.issue(GRANT)).rejects.toBeInstanceOf(StoreUnavailable);
    const lineage = { origin_jti: 'o', origin_kid: 'k', origin_iat: NOW };
    expect(await claims({ lineage })).toMatchObject(lineage);
  });
});
