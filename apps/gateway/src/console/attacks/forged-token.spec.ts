import { partsOf, promoted, signingInput, withoutSignature } from './forged-token';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const TOKEN = `${part({ alg: 'ES256', kid: 'k' })}.${part({ sub: 'alice', scope: 'documents:read' })}.c2lnbmF0dXJl`;

describe('a forged token', () => {
  it('is made of the parts of a good one', () => {
    const parts = partsOf(TOKEN);
    expect(parts).toEqual({
      header: { alg: 'ES256', kid: 'k' },
      claims: { sub: 'alice', scope: 'documents:read' },
      signature: 'c2lnbmF0dXJl',
    });
    expect(`${signingInput(parts)}.${parts.signature}`).toBe(TOKEN);
    const { sub, scope } = promoted(parts.claims);
    expect([sub, scope]).toEqual(['alice', expect.stringContaining('auth:admin')]);
  });

  it.each([
    [TOKEN, `${TOKEN.slice(0, -'c2lnbmF0dXJl'.length)}…`],
    ['a.b.', 'a.b.'],
    ['opaque', '…'],
    ['a.b', '…'],
    ['', '…'],
  ])('is shown without what it could be used by: %s', (token, shown) => {
    expect(withoutSignature(token)).toBe(shown);
  });
});
