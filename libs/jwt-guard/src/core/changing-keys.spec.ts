import { generateTestKey, TestIssuer, type TestKey } from '@token-relay/testing';
import { ChangingKeys } from './changing-keys';
import { isRefusal } from './refusals';
import { TokenVerifier } from './token-verifier';
import { type JsonWebKeySet } from './verification-key';

let first: TestKey;
let second: TestKey;
beforeAll(async () => {
  [first, second] = [await generateTestKey(), await generateTestKey()];
});

const setOf = (...keys: TestKey[]): JsonWebKeySet => ({ keys: keys.map(({ publicJwk }) => ({ ...publicJwk })) });

function keysFrom(ask: () => JsonWebKeySet) {
  const onRemoval = jest.fn();
  return { keys: new ChangingKeys(ask, { algorithms: new Set(['ES256']), onRemoval }), onRemoval };
}

function outcome(keys: ChangingKeys, { kid }: TestKey): string {
  try {
    return keys.find(kid).kid === kid ? 'found' : 'another';
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

describe('keys that change', () => {
  it('are those of the set that is returned now', () => {
    let set = setOf(first);
    const { keys, onRemoval } = keysFrom(() => set);
    expect([first, second].map((key) => outcome(keys, key))).toEqual(['found', 'key_unknown']);
    set = setOf(first, second);
    expect([first, second].map((key) => outcome(keys, key))).toEqual(['found', 'found']);
    expect(onRemoval).not.toHaveBeenCalled();
    set = setOf(second);
    expect([first, second].map((key) => outcome(keys, key))).toEqual(['key_unknown', 'found']);
    expect(onRemoval).toHaveBeenCalledTimes(1);
  });

  it('keep the object of a key that is the same, and of no other', () => {
    let set = setOf(first);
    const { keys, onRemoval } = keysFrom(() => set);
    const before = keys.known(first.kid);
    set = setOf(second, first);
    expect(keys.known(first.kid)).toBe(before);
    expect(onRemoval).not.toHaveBeenCalled();
    set = { keys: [{ ...second.publicJwk, kid: first.kid }] };
    expect(keys.known(first.kid)).toBeDefined();
    expect(keys.known(first.kid)).not.toBe(before);
    expect(onRemoval).toHaveBeenCalledTimes(1);
  });

  it('are looked at anew in another object only', () => {
    const set = { keys: [{ ...first.publicJwk }] };
    const { keys } = keysFrom(() => set);
    expect(outcome(keys, second)).toBe('key_unknown');
    set.keys.push({ ...second.publicJwk });
    expect(outcome(keys, second)).toBe('key_unknown');
  });

  it.each<[string, () => unknown, string]>([
    ['can not be had', () => asError(new Error('the ring is not known yet')), 'jwks: the ring is not known yet'],
    ['can not be had, for whatever reason', () => asError(Object.create(null)), 'jwks: object'],
    ['are none', () => ({ keys: [] }), 'jwks: holds no key that can be used'],
    ['are no set', () => undefined, 'jwks: holds no key that can be used'],
    ['come later', () => Promise.reject(new Error('later')), 'jwks: holds no key that can be used'],
    [
      'can not be used',
      () => ({ keys: [{ kid: 'a', kty: 'oct', k: 'AAAA' }] }),
      'jwks: holds no key that can be used: "a" (it is published with the private or symmetric member k)',
    ],
  ])('that %s: are unavailable until they are there, and none of before counts', (_what, failing, reason) => {
    let ask: () => unknown = failing;
    const { keys, onRemoval } = keysFrom(() => ask() as JsonWebKeySet);
    const look = () => [keys.ready, keys.known(first.kid) !== undefined, outcome(keys, first)];
    expect(look()).toEqual([false, false, 'keys_unavailable']);
    expect(keys.report()).toMatchObject({ source: 'jwks', usable: [], lastFailure: reason });
    const set = setOf(first);
    ask = () => set;
    expect(look()).toEqual([true, true, 'found']);
    expect(keys.report().lastFailure).toBeUndefined();
    ask = failing;
    expect(look()).toEqual([false, false, 'keys_unavailable']);
    expect(onRemoval).toHaveBeenCalledTimes(1);
    ask = () => set;
    expect(look()).toEqual([true, true, 'found']);
  });

  it('may be others at each look', () => {
    let look = 0;
    const ask = () => setOf(look++ % 2 === 0 ? first : second);
    const onRemoval = (): void => void keys.known(first.kid);
    const keys = new ChangingKeys(ask, { algorithms: new Set(['ES256']), onRemoval });
    for (let i = 0; i < 4; i++) expect(() => keys.known(first.kid)).not.toThrow();
  });
});

function asError(error: unknown): never {
  throw error;
}

describe('a verifier with keys that change', () => {
  let issuer: TestIssuer;
  let set: JsonWebKeySet | undefined;
  let verifier: TokenVerifier;
  const asked = jest.fn(() => {
    if (!set) throw new Error('not yet');
    return set;
  });
  const verdict = (token: string): Promise<string> =>
    verifier.verify(token).then(
      () => 'accepted',
      (error: unknown) => (error as { code: string }).code,
    );

  beforeEach(async () => {
    asked.mockClear();
    issuer = await TestIssuer.create({ keys: [first] });
    set = undefined;
    verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: asked }],
      now: issuer.clock.now,
    });
  });

  it('asks for none as it is made, and is ready when there is one', async () => {
    expect(asked).not.toHaveBeenCalled();
    await verifier.load();
    expect(verifier.ready).toBe(false);
    expect(await verdict(await issuer.token())).toBe('keys_unavailable');
    set = issuer.jwks;
    expect(verifier.ready).toBe(true);
    expect(await verdict(await issuer.token())).toBe('accepted');
  });

  it('remembers a verdict as long as its key is there, in whichever set', async () => {
    const token = await issuer.token();
    set = setOf(first);
    const principal = await verifier.verify(token);
    set = setOf(first, second);
    expect(verifier.recall(token)).toBe(principal);
    set = setOf(second);
    expect(verifier.recall(token)).toBeUndefined();
    expect(() => verifier.recheck(principal)).toThrow(expect.objectContaining({ code: 'key_unknown' }) as Error);
    expect(await verdict(token)).toBe('key_unknown');
  });

  it('can not tell of an open connection while there are no keys, and ends it for no outage', async () => {
    set = setOf(first);
    const principal = await verifier.verify(await issuer.token());
    set = undefined;
    expect(() => verifier.recheck(principal)).toThrow(
      expect.objectContaining({ code: 'keys_unavailable', status: 503 }) as Error,
    );
  });

  it('explains why there are none', async () => {
    const { code, stages } = await verifier.explain(await issuer.token());
    expect(code).toBe('keys_unavailable');
    expect(stages.find(({ stage }) => stage === 'resolve_key')?.actual).toBe('jwks: not yet');
  });
});
