// The limit: nothing but the primitive, with everything that it needs laid out before.
import { constants, createPublicKey, verify, type VerifyKeyObjectInput } from 'node:crypto';
import { type Contender } from '../harness/contender';
import { type PeerSetting } from './peers';
import { type Algorithm, garbled, readTokens, signed } from './tokens';

/** As RFC 7518, section 3, and RFC 8037, section 3.1 have it. */
const PRIMITIVES: Readonly<Record<Algorithm, { hash: string | null; options: Partial<VerifyKeyObjectInput> }>> = {
  ES256: { hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { hash: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  EdDSA: { hash: null, options: {} },
};

export interface BareSetting extends PeerSetting {
  /** Whether the options stand in an object with the key, as the documentation has it, and not on the key itself. */
  readonly asDocumented?: boolean;
}

export function bare({ file, garbage, asDocumented = false }: BareSetting): Contender {
  const tokens = readTokens(file);
  const { hash, options } = PRIMITIVES[tokens.algorithm];
  const key = createPublicKey({ key: { ...tokens.jwk }, format: 'jwk' });
  const keyInput = asDocumented ? { key, ...options } : Object.assign(key, options);
  const inputs = (garbage ? garbled(tokens) : tokens.tokens).map((token) => {
    const { input, signature } = signed(token);
    return { input: Buffer.from(input, 'latin1'), signature };
  });
  let next = 0;
  return {
    run(count) {
      for (let left = count; left > 0; left--) {
        const { input, signature } = inputs[next] as (typeof inputs)[number];
        next = (next + 1) % inputs.length;
        if (verify(hash, input, keyInput, signature) === garbage) throw new Error('a wrong verdict');
      }
      return Promise.resolve();
    },
  };
}
