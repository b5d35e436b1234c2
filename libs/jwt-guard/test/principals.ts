import { type Principal, principalId } from '../src/core/principal';

type Claims = Readonly<Record<string, unknown>>;

/** What is left of a token with these claims; issued at 1,000 by the key `key-1`, unless said otherwise. */
export function principalOf(claims: Claims = {}, { keyId = 'key-1' }: { keyId?: string } = {}): Principal {
  const all: Claims = { iss: 'https://issuer.test', sub: 'user-1', iat: 1_000, exp: 1_300, ...claims };
  const [issuer, subject] = [all.iss as string, all.sub as string];
  return {
    id: principalId(issuer, subject),
    subject,
    issuer,
    audience: 'documents',
    scopes: [],
    roles: [],
    clientId: undefined,
    sessionId: all.sid as string | undefined,
    tokenId: all.jti as string | undefined,
    actor: [],
    transactionId: undefined,
    expiresAt: all.exp as number,
    keyId,
    algorithm: 'ES256',
    claims: all,
  };
}
