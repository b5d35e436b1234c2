import { generateTestKey, JwksServer, TestIssuer, type TestKey } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { RevocationCopy } from '../revocation/revocation-copy';
import { type RevocationSource } from './check-revocation';
import { type Code, isRefusal } from './refusals';
import { TokenVerifier } from './token-verifier';
import { type IssuerOptions } from './verifier-options';

let issuer: TestIssuer;
let other: TestKey;
let copy: RevocationCopy;
let jwks: JwksServer;
const verifiers: TokenVerifier[] = [];

beforeEach(async () => {
  other = await generateTestKey();
  issuer = await TestIssuer.create({ keys: [await generateTestKey(), other] });
  copy = new RevocationCopy({ issuer: issuer.issuer, now: issuer.clock.now });
  jwks = await JwksServer.start(issuer.jwks);
});
afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close();
  await jwks.stop();
});

function verifierWith(
  revocation: RevocationSource | undefined,
  keys: object = { jwksUri: jwks.url, dangerouslyAllowHttp: true },
): TokenVerifier {
  const own = { issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], ...keys };
  const made = TokenVerifier.create({
    issuers: [own as unknown as IssuerOptions],
    now: issuer.clock.now,
    ...(revocation && { revocation }),
  });
  verifiers.push(made);
  return made;
}

async function verdict(verifier: TokenVerifier, token: string): Promise<'accepted' | Code> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

const revokeKey = (key: TestKey): void => copy.merge([{ kind: 'kid', value: key.kid }]);
const withoutKid = { jti: 'another' };

describe('a key that is revoked', () => {
  it('ends its tokens, remembered or not, whatever the JWKS says, and no others', async () => {
    copy.completeAsOf(0);
    const verifier = verifierWith(copy);
    const [known, unknown, good] = [
      await issuer.token(),
      await issuer.token(withoutKid),
      await issuer.token({}, {}, other),
    ];
    const principal = await verifier.verify(known);
    expect(await verdict(verifier, good)).toBe('accepted');
    revokeKey(issuer.key);
    expect(() => verifier.recall(known)).toThrow(
      expect.objectContaining({ code: 'key_revoked', status: 401 }) as Error,
    );
    expect(await verdict(verifier, known)).toBe('key_revoked');
    expect(await verdict(verifier, unknown)).toBe('key_revoked');
    expect(() => verifier.recheck(principal)).toThrow(expect.objectContaining({ code: 'key_revoked' }) as Error);
    expect(await verdict(verifier, good)).toBe('accepted');
    expect(jwks.requests).toBe(1);
  });

  it('is never asked for: not before the first set, and not when it has left', async () => {
    copy.completeAsOf(0);
    revokeKey(issuer.key);
    const verifier = verifierWith(copy);
    expect(await verdict(verifier, await issuer.token())).toBe('key_revoked');
    expect(jwks.requests).toBe(0);
    jwks.body = { keys: [other.publicJwk] };
    await verifier.load();
    expect(await verdict(verifier, await issuer.token())).toBe('key_revoked');
    expect(jwks.requests).toBe(1);
  });

  it('is refused before anything else is known of the token: its signature may be anybody’s', async () => {
    copy.completeAsOf(0);
    revokeKey(issuer.key);
    const token = await issuer.token({ aud: 'another' }, { kid: issuer.key.kid }, other);
    expect(await verdict(verifierWith(copy), token)).toBe('key_revoked');
  });

  it('ends what was exchanged from its tokens as tokens that are revoked', async () => {
    copy.completeAsOf(0);
    const verifier = verifierWith(copy);
    const exchanged = await issuer.token({ origin_kid: issuer.key.kid }, {}, other);
    expect(await verdict(verifier, exchanged)).toBe('accepted');
    revokeKey(issuer.key);
    expect(await verdict(verifier, exchanged)).toBe('token_revoked');
  });

  it('is one of its issuer: a key of that name of another one goes on', async () => {
    copy.completeAsOf(0);
    const stranger = await TestIssuer.create({ issuer: 'https://other.test', keys: [issuer.key] });
    const verifier = verifierWith(copy, { issuer: stranger.issuer, jwks: stranger.jwks });
    revokeKey(issuer.key);
    expect(await verdict(verifier, await stranger.token())).toBe('accepted');
    expect(verifier.isKeyRevoked(issuer.issuer, issuer.key.kid)).toBe(true);
    expect(verifier.isKeyRevoked(stranger.issuer, issuer.key.kid)).toBe(false);
  });

  it('is told of while its token waits for it', async () => {
    copy.completeAsOf(0);
    const verifier = verifierWith(copy);
    jwks.delayMs = 100;
    const waiting = verdict(verifier, await issuer.token());
    while (jwks.requests === 0) await sleep(5);
    revokeKey(issuer.key);
    expect(await waiting).toBe('key_revoked');
  });

  it('is refused before the first snapshot; of all others nobody can tell then, and bad ones are bad', async () => {
    const verifier = verifierWith(copy);
    revokeKey(issuer.key);
    const stranger = await generateTestKey();
    expect(await verdict(verifier, await issuer.token())).toBe('key_revoked');
    expect(await verdict(verifier, await issuer.token({}, {}, other))).toBe('revocation_unavailable');
    expect(await verdict(verifier, await issuer.token({ aud: 'another' }, {}, other))).toBe('audience_mismatch');
    expect(await verdict(verifier, await issuer.token({}, { kid: other.kid }, stranger))).toBe('signature_invalid');
  });

  it('is explained where the key is looked for', async () => {
    copy.completeAsOf(0);
    const verifier = verifierWith(copy, { jwks: issuer.jwks });
    const stageOf = async (key: TestKey) => {
      const trace = await verifier.explain(await issuer.token({}, {}, key));
      return [trace.code, trace.hints.length, trace.stages.find(({ stage }) => stage === 'resolve_key')] as const;
    };
    revokeKey(issuer.key);
    const check = {
      check: 'key_revocation',
      expected: 'a key that is not revoked',
      actual: 'as the revocation source says',
    };
    expect(await stageOf(issuer.key)).toEqual([
      'key_revoked',
      1,
      expect.objectContaining({
        outcome: 'failed',
        code: 'key_revoked',
        expected: check.expected,
        checks: [
          { ...check, outcome: 'failed', code: 'key_revoked' },
          ...['keys', 'kid', 'alg'].map(
            (name) => expect.objectContaining({ check: name, outcome: 'skipped' }) as object,
          ),
        ],
      }),
    ]);
    const [code, , stage] = await stageOf(other);
    expect(code).toBeUndefined();
    expect(stage?.checks[0]).toEqual({ ...check, outcome: 'passed' });
  });

  it('may be a shared secret, by the name that it has here; what a token calls it does not matter', async () => {
    const secret = Buffer.from('9f2c41d07b8e5a63c0f4e1d2b3a49586778695a4b3c2d1e0f00112233445566a', 'hex');
    const keys = { algorithms: ['HS256'], sharedSecret: secret };
    const { createHmac } = await import('node:crypto');
    const signed = (kid: string): string => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const input = `${part({ alg: 'HS256', typ: 'at+jwt', kid })}.${part(issuer.claims())}`;
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    };
    copy.completeAsOf(0);
    const verifier = verifierWith(copy, keys);
    copy.merge([{ kind: 'kid', value: 'any-name' }]);
    expect(await verdict(verifier, signed('any-name'))).toBe('accepted');
    copy.merge([{ kind: 'kid', value: 'shared-secret' }]);
    expect(await verdict(verifier, signed('any-name'))).toBe('key_revoked');
  });
});

describe('a source that does not answer about keys', () => {
  it.each<[string, () => unknown, string]>([
    ['but says nothing', () => undefined, 'revocation_unavailable'],
    ['but a text', () => 'no', 'revocation_unavailable'],
    ['but a number', () => 0, 'revocation_unavailable'],
    ['but a promise', () => Promise.resolve(false), 'revocation_unavailable'],
    ['but a promise that fails', () => Promise.reject(new Error('down')), 'revocation_unavailable'],
    [
      'but throws',
      () => {
        throw new Error('down');
      },
      'revocation_unavailable',
    ],
  ])('%s: can not tell, remembered or not', async (_what, answer, code) => {
    let isKeyRevoked: () => unknown = () => false;
    const source = { isRevoked: () => false, isKeyRevoked: () => isKeyRevoked() as boolean };
    const verifier = verifierWith(source);
    const token = await issuer.token();
    expect(await verdict(verifier, token)).toBe('accepted');
    isKeyRevoked = answer;
    expect(await verdict(verifier, token)).toBe(code);
    expect(await verdict(verifier, await issuer.token(withoutKid))).toBe(code);
    expect(() => verifier.isKeyRevoked(issuer.issuer, issuer.key.kid)).toThrow('is not known');
  });

  it('at all: revokes none by itself', async () => {
    const verifier = verifierWith({ isRevoked: ({ keyId }) => keyId === issuer.key.kid });
    expect(await verdict(verifier, await issuer.token())).toBe('token_revoked');
    expect(await verdict(verifier, await issuer.token({}, {}, other))).toBe('accepted');
    expect(verifier.isKeyRevoked(issuer.issuer, issuer.key.kid)).toBe(false);
    expect(verifierWith(undefined).isKeyRevoked(issuer.issuer, issuer.key.kid)).toBe(false);
  });

  it('is asked as the object that it is', async () => {
    class Source implements RevocationSource {
      readonly keys = new Set([issuer.key.kid]);
      isRevoked(): boolean {
        return this.keys.size === 0;
      }
      isKeyRevoked(_issuer: string, kid: string): boolean {
        return this.keys.has(kid);
      }
    }
    expect(await verdict(verifierWith(new Source()), await issuer.token())).toBe('key_revoked');
  });
});

describe('keys that have changed', () => {
  const listeners = new Set<() => void>();
  const source: RevocationSource = {
    isRevoked: () => false,
    onKeysChanged: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  /** The gap to the next fetch is of the first one, which is told of as being long ago. */
  const afterTheGap = (): void => {
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 10_000);
  };
  beforeEach(() => listeners.clear());
  afterEach(() => jest.restoreAllMocks());

  it('are fetched at once by a verifier that was loaded, and verdicts of those that left are forgotten', async () => {
    const verifier = verifierWith(source);
    expect(listeners.size).toBe(0);
    await verifier.load();
    await verifier.load();
    expect(listeners.size).toBe(1);
    const [old, next] = [await issuer.token(), await issuer.token({}, {}, other)];
    const principal = await verifier.verify(old);
    await verifier.verify(next);
    jwks.body = { keys: [other.publicJwk] };
    afterTheGap();
    changed();
    while (verifier.recall(old)) await sleep(5);
    expect(() => verifier.recheck(principal)).toThrow(expect.objectContaining({ code: 'key_unknown' }) as Error);
    expect(verifier.recall(next)).toBeDefined();
    expect(jwks.requests).toBe(2);
  });

  it('are not fetched by one that is closed, which listens no more, loaded again or not', async () => {
    const verifier = verifierWith(source);
    await verifier.load();
    const [listener] = listeners;
    verifier.close();
    await verifier.load();
    expect(listeners.size).toBe(0);
    listener?.();
    await sleep(30);
    expect(jwks.requests).toBe(1);
  });

  it('are fetched when they are due where the source fails to tell, and that is said', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
    const failing = verifierWith({
      isRevoked: () => false,
      onKeysChanged: () => {
        throw new Error('no such channel');
      },
    });
    await failing.load();
    expect(await verdict(failing, await issuer.token())).toBe('accepted');
    expect(String(warned.mock.calls[0]?.[0])).toContain('no such channel');
    const odd = verifierWith({ isRevoked: () => false, onKeysChanged: () => undefined as unknown as () => void });
    await odd.load();
    expect(() => odd.close()).not.toThrow();
  });

  it('mean nothing to keys that are given', async () => {
    const verifier = verifierWith(source, { jwks: issuer.jwks });
    await verifier.load();
    expect(changed).not.toThrow();
    expect(await verdict(verifier, await issuer.token())).toBe('accepted');
  });
});
