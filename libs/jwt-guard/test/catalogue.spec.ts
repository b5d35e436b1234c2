import { hostileTokens, JwksServer, legitimateTokens, TestIssuer } from '@token-relay/testing';
import { type AlgorithmName, isRefusal, TokenVerifier, type TokenVerifierOptions } from '../src';

const LIST: readonly AlgorithmName[] = ['ES256', 'RS256', 'EdDSA'];

function verifierFor(issuer: TestIssuer, algorithms: readonly AlgorithmName[], keys: object): TokenVerifier {
  const { issuer: name, audience, clock } = issuer;
  const options = { issuers: [{ issuer: name, audience, algorithms, ...keys }], now: clock.now };
  return TokenVerifier.create(options as unknown as TokenVerifierOptions);
}

async function verdict(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

/** Of all at once: over a JWKS those with an unknown key wait together. */
async function verdicts(verifier: TokenVerifier, tokens: readonly { name: string; token: string }[]) {
  const pairs = tokens.map(async ({ name, token }) => [name, await verdict(verifier, token)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

describe.each<AlgorithmName>([
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
])('the catalogue of an issuer that signs with %s', (algorithm) => {
  it('is judged as it says: every hostile token with its stage and code, every legitimate one accepted', async () => {
    const issuer = await TestIssuer.create({ algorithm });
    const verifier = verifierFor(issuer, [algorithm], { jwks: issuer.jwks });
    const hostile = await hostileTokens(issuer);
    expect(hostile.length).toBeGreaterThan(250);
    const expected = Object.fromEntries(hostile.map(({ name, code }) => [name, code]));
    expect(await verdicts(verifier, hostile)).toEqual(expected);

    const stages = await Promise.all(
      hostile.map(async ({ name, token }) => {
        const { stages: traced } = await verifier.explain(token);
        return [name, traced.find(({ outcome }) => outcome === 'failed')?.stage] as const;
      }),
    );
    expect(Object.fromEntries(stages)).toEqual(Object.fromEntries(hostile.map(({ name, stage }) => [name, stage])));

    const legitimate = legitimateTokens(issuer);
    expect(legitimate.length).toBeGreaterThan(40);
    const accepted = Object.fromEntries(legitimate.map(({ name }) => [name, 'accepted']));
    expect(await verdicts(verifier, legitimate)).toEqual(accepted);
    // Nothing that was judged before changes a verdict: now the good ones are remembered.
    expect(await verdicts(verifier, hostile)).toEqual(expected);
    expect(await verdicts(verifier, legitimate)).toEqual(accepted);
  });
});

it.each(LIST)(
  'the catalogue is judged as it says with keys from a JWKS, by an issuer that begins with %s',
  async (first) => {
    const issuer = await TestIssuer.create({ algorithms: [first, ...LIST.filter((name) => name !== first)] });
    const server = await JwksServer.start(issuer.jwks);
    const verifier = verifierFor(issuer, LIST, { jwksUri: server.url, dangerouslyAllowHttp: true });
    try {
      const hostile = await hostileTokens(issuer, { algorithms: [...LIST] });
      const expected = Object.fromEntries(hostile.map(({ name, code }) => [name, code]));
      const legitimate = legitimateTokens(issuer);
      const accepted = Object.fromEntries(legitimate.map(({ name }) => [name, 'accepted']));
      expect(await verdicts(verifier, legitimate)).toEqual(accepted);
      expect(await verdicts(verifier, hostile)).toEqual(expected);
      expect(await verdicts(verifier, legitimate)).toEqual(accepted);
      expect(server.requests).toBeLessThanOrEqual(2);
    } finally {
      verifier.close();
      await server.stop();
    }
  },
);
