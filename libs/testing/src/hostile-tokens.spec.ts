import { compactVerify, createLocalJWKSet, errors } from 'jose';
import { constants, createPublicKey, verify } from 'node:crypto';
import { type HostileToken } from './hostile/hostile-token';
import { hostileTokens } from './hostile-tokens';
import { TestIssuer } from './test-issuer';

const STAGES = ['decode', 'select_issuer', 'resolve_key', 'verify_signature', 'validate_claims'];

describe.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'])(
  'hostileTokens of an issuer that signs with %s',
  (algorithm) => {
    let issuer: TestIssuer;
    let listed: HostileToken[];

    beforeAll(async () => {
      issuer = await TestIssuer.create({ algorithm });
      listed = await hostileTokens(issuer);
    });

    const at = (stage: string) => listed.filter((token) => token.stage === stage);
    const about = (what: string) => at('decode').filter(({ name }) => name.startsWith(`${what} `));
    const namesOf = (tokens: HostileToken[]) => tokens.map(({ name }) => name);

    it('are at least 300, each with a name of its own', () => {
      expect(listed.length).toBeGreaterThanOrEqual(300);
      expect(repeated(namesOf(listed))).toEqual([]);
    });

    it('are different tokens, and what is signed differs, too, where the signature is not what they are about', () => {
      expect(repeated(listed.map(({ token }) => token))).toEqual([]);
      const others = [
        ...about('the header'),
        ...about('the payload'),
        ...at('select_issuer').filter(({ name }) => !name.endsWith("the stranger's signature")),
        ...at('validate_claims'),
      ];
      expect(repeated(others.map(({ token }) => token.replace(/\.[^.]*$/, '')))).toEqual([]);
    });

    it('have tokens for every stage', () => {
      expect([...new Set(listed.map(({ stage }) => stage))].sort()).toEqual([...STAGES].sort());
    });

    it('are signed well wherever a claim is what they are refused for', async () => {
      const keys = createLocalJWKSet(issuer.jwks);
      const refused: string[] = [];
      for (const { name, token } of at('validate_claims'))
        await compactVerify(token, keys).catch(() => refused.push(name));
      expect(refused).toEqual([]);
    });

    it('are signed with the key of the issuer wherever the header is what they are refused for', () => {
      const unsigned = at('select_issuer').filter(({ token }) => !isSigned(token, issuer));
      expect(namesOf(unsigned)).toEqual([
        "jku of a stranger, and the stranger's signature",
        "jwk of a stranger, and the stranger's signature",
      ]);
    });

    it('are signed with the key of the issuer wherever the JSON is what they are refused for', () => {
      const json = [...about('the header'), ...about('the payload')];
      expect(json.length).toBeGreaterThan(100);
      expect(namesOf(json.filter(({ token }) => !isSigned(token, issuer)))).toEqual([]);
    });

    it('are right in everything but the signature wherever that is what they are refused for', async () => {
      const keys = createLocalJWKSet(issuer.jwks);
      const outcomes = await Promise.all(
        at('verify_signature').map(async ({ name, token }) => {
          const outcome: unknown = await compactVerify(token, keys).catch((error: unknown) => error);
          return outcome instanceof errors.JWSSignatureVerificationFailed ? [] : [name];
        }),
      );
      expect(outcomes.flat()).toEqual([]);
    });

    it('are nothing that jose finds a key for wherever that is what they are refused for', async () => {
      const keys = createLocalJWKSet(issuer.jwks);
      for (const { token } of at('resolve_key')) {
        await expect(compactVerify(token, keys)).rejects.toThrow(errors.JWKSNoMatchingKey);
      }
      expect(at('resolve_key').length).toBeGreaterThan(9);
      expect(at('resolve_key').length).toBeLessThan(13);
    });

    it('tell which can be sent in a header, and which hold for a moment only', () => {
      const named = (name: string) => listed.find((token) => token.name === name);
      expect(named('a line feed behind it')?.sendable).toBe(false);
      expect(named('100 KiB')?.sendable).toBe(false);
      expect(named('nothing at all')?.sendable).toBe(false);
      expect(named('one byte more than 8 KiB')?.sendable).toBe(true);
      expect(named('expires when it is issued')?.momentary).toBe(true);
      expect(named('lives for a day')?.momentary).toBe(false);
      expect(listed.filter(({ sendable, momentary }) => sendable && !momentary).length).toBeGreaterThan(250);
    });
  },
);

describe('hostileTokens', () => {
  it('expects of another algorithm what the verifier does: refuse it, or refuse the key for it', async () => {
    const issuer = await TestIssuer.create();
    const code = async (algorithms?: string[]) => {
      const about = (await hostileTokens(issuer, { algorithms })).filter(({ name }) => name.startsWith('alg RS256'));
      return about.map((token) => [token.stage, token.code]);
    };
    expect(await code()).toEqual([['decode', 'alg_not_allowed']]);
    expect(await code(['ES256', 'RS256'])).toEqual([['resolve_key', 'key_alg_mismatch']]);
  });

  it('confuses the keys of an issuer that has several', async () => {
    const issuer = await TestIssuer.create({ algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'] });
    const listed = await hostileTokens(issuer);
    const mismatches = listed.filter(({ code }) => code === 'key_alg_mismatch');
    expect(mismatches).toHaveLength(9);
    expect(repeated(listed.map(({ name }) => name))).toEqual([]);
    expect(repeated(listed.map(({ token }) => token))).toEqual([]);
    const fewer = await hostileTokens(issuer, { algorithms: ['ES256', 'EdDSA'] });
    expect(fewer.find(({ name }) => name.endsWith('the kid of the one for RS256'))?.code).toBe('key_unknown');
  });

  it('has nothing to say about a verifier that takes no token of the issuer', async () => {
    await expect(hostileTokens(await TestIssuer.create(), { algorithms: ['RS256'] })).rejects.toThrow(TypeError);
  });

  it.each([
    ['an issuer with a slash at its end', { issuer: 'https://issuer.test/' }],
    ['an issuer without TLS', { issuer: 'http://127.0.0.1:3000' }],
    ['an audience in capitals', { audience: 'API' }],
    ['an audience that is an address', { audience: 'https://api.test/' }],
  ])('works for %s', async (_what, options) => {
    const issuer = await TestIssuer.create(options);
    const listed = await hostileTokens(issuer);
    expect(repeated(listed.map(({ token }) => token))).toEqual([]);
    const payloads = listed.filter(({ code }) => code === 'audience_mismatch' || code === 'issuer_not_trusted');
    for (const { token } of payloads) {
      const { iss, aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
        string,
        unknown
      >;
      expect([iss, aud]).not.toEqual([issuer.issuer, issuer.audience]);
    }
  });
});

function repeated(texts: string[]): string[] {
  return texts.filter((text, index) => texts.indexOf(text) !== index);
}

/** By the key of the issuer, for whatever stands before the last dot: not by jose, which refuses much of it. */
function isSigned(token: string, issuer: TestIssuer): boolean {
  const end = token.lastIndexOf('.');
  const { algorithm, privateKey } = issuer.key;
  const hash = algorithm.startsWith('Ed') ? null : `sha${algorithm.slice(-3)}`;
  const padding = algorithm.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const options = privateKey.asymmetricKeyType === 'rsa' ? { padding } : ({ dsaEncoding: 'ieee-p1363' } as const);
  const key = { key: createPublicKey(privateKey), ...options };
  return verify(hash, Buffer.from(token.slice(0, end)), key, Buffer.from(token.slice(end + 1), 'base64url'));
}
