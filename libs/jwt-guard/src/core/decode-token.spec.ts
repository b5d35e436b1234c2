import { type AnyAlgorithmName } from './algorithms';
import { decodeToken } from './decode-token';
import { isRefusal } from './refusals';
import { rawToken } from './token-states';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (header: unknown, claims: unknown = { iss: 'https://issuer.example' }) =>
  rawToken(`${part(header)}.${part(claims)}.${'A'.repeat(86)}`);

function decoded(token: ReturnType<typeof tokenOf>, ...algorithms: AnyAlgorithmName[]): unknown {
  try {
    return decodeToken(token, { algorithms: new Set(algorithms), maxTokenBytes: 8192 }).header;
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

describe('a header that came before', () => {
  it('is judged anew by every verifier', () => {
    const token = tokenOf({ alg: 'ES256', kid: 'a' });
    expect(decoded(token, 'ES256')).toEqual({ alg: 'ES256', kid: 'a' });
    expect(decoded(token, 'RS256')).toBe('alg_not_allowed');
    expect(decoded(token, 'ES256')).toEqual({ alg: 'ES256', kid: 'a' });
  });

  it('is refused again for what it was refused for', () => {
    const refused = [
      [tokenOf({ alg: 'none' }), 'alg_not_allowed'],
      [tokenOf({ alg: 'ES256', crit: ['exp'] }), 'header_not_allowed'],
      [tokenOf({ alg: 'ES256', kid: '' }), 'kid_missing'],
      [tokenOf([]), 'token_malformed'],
    ] as const;
    for (const [token, code] of refused) {
      expect([decoded(token, 'ES256'), decoded(token, 'ES256')]).toEqual([code, code]);
    }
  });

  it('is the same for all tokens with it, and frozen', () => {
    const header = { alg: 'ES256', kid: 'b', x: { y: [1] } };
    const [one, other] = [decoded(tokenOf(header), 'ES256'), decoded(tokenOf(header, { iss: 'b' }), 'ES256')];
    expect(one).toBe(other);
    expect(Object.isFrozen((one as typeof header).x.y)).toBe(true);
  });

  it('is read for itself, however many others came, and however long it is', () => {
    const headers = Array.from({ length: 200 }, (_, i) => ({ alg: 'ES256', kid: `k${i}`, x: 'x'.repeat(4 * i) }));
    for (const twice of [headers, headers]) {
      for (const header of twice) expect(decoded(tokenOf(header), 'ES256')).toEqual(header);
    }
  });
});
