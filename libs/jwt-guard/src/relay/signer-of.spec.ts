import { signerOf } from './signer-of';

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const HEADER = { alg: 'ES256', kid: 'key-1' };
const CLAIMS = { iss: 'https://issuer.test' };

describe('signerOf', () => {
  it('reads who signed a token, as it says', () => {
    const signer = { issuer: 'https://issuer.test', kid: 'key-1' };
    expect(signerOf(`${part(HEADER)}.${part(CLAIMS)}.signature`)).toEqual(signer);
  });

  it.each([
    ['nothing', ''],
    ['an opaque token', '2YotnFZFEjr1zCsicMWpAA'],
    ['a token without kid', `${part({ alg: 'ES256' })}.${part(CLAIMS)}.s`],
    ['a token whose kid is no text', `${part({ kid: ['key-1'] })}.${part(CLAIMS)}.s`],
    ['a token without issuer', `${part(HEADER)}.${part({})}.s`],
    ['a token that is cut off', part(HEADER)],
    ['null', `${part(null)}.${part(null)}.s`],
    ['what is no JSON', `${part('oops')}.${part(CLAIMS)}.s`],
    ['what is encrypted', `${part(HEADER)}.key.iv.text.tag`],
  ])('knows nothing of %s', (_what, token) => {
    expect(signerOf(token)).toBeUndefined();
  });
});
