import { readAccount } from './account';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: unknown) => `${part({ alg: 'ES256', kid: 'k1' })}.${part(claims)}.c2ln`;

describe('what a token says of its user', () => {
  it('is read as it stands there', () => {
    expect(readAccount(token({ sub: 'älice', exp: 300, sid: 's1', scope: 'documents:read keys:read' }))).toEqual({
      subject: 'älice',
      scopes: ['documents:read', 'keys:read'],
      expiresAt: 300,
      kid: 'k1',
      session: 's1',
    });
  });

  it('may be no scope at all', () => {
    expect(readAccount(token({ sub: 'a', exp: 1 }))?.scopes).toEqual([]);
  });

  it.each(['', 'x', 'x.y.z', token({ sub: 1, exp: 1 }), token({ sub: 'a' }), token(null)])(
    'is nothing in %j',
    (text) => {
      expect(readAccount(text)).toBeUndefined();
    },
  );
});
