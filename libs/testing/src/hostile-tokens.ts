import { Forge } from './forge';
import { algorithms } from './hostile/algorithms';
import { claims } from './hostile/claims';
import { headers } from './hostile/headers';
import { type HostileToken, type Material } from './hostile/hostile-token';
import { issuers } from './hostile/issuers';
import { json } from './hostile/json';
import { keys } from './hostile/keys';
import { shapes } from './hostile/shapes';
import { signatures } from './hostile/signatures';
import { times } from './hostile/times';
import { type TestIssuer } from './test-issuer';
import { generateTestKey } from './test-key';

export interface HostileTokenOptions {
  /**
   * What the verifier lets this issuer sign with: some tokens are refused for an algorithm that isn't on its list,
   * or for a key that isn't for the algorithm, depending on it. Default: the algorithms of the issuer's keys.
   */
  readonly algorithms?: readonly string[];
}

/**
 * What an attacker, or a mistake, makes of an issuer's tokens. Each has one thing wrong with it, and is signed as well
 * as any wherever it isn't the signature that is wrong: so it is refused by the rule that it is about, or not at all.
 *
 * For a verifier with the rules of RFC 9068: 8 KiB for a token, 5 seconds of tolerance, 900 of lifetime.
 *
 * @throws TypeError when the verifier doesn't allow the algorithm of the issuer's first key
 */
export async function hostileTokens(issuer: TestIssuer, options: HostileTokenOptions = {}): Promise<HostileToken[]> {
  const allowed = new Set(options.algorithms ?? issuer.keys.map((key) => key.algorithm));
  if (!allowed.has(issuer.key.algorithm))
    throw new TypeError(`algorithms: ${issuer.key.algorithm} has to be on the list`);
  const stranger = await generateTestKey(issuer.key.algorithm);
  const material: Material = { forge: new Forge(issuer), stranger, allowed };
  const themes = [shapes, json, algorithms, headers, issuers, keys, signatures, claims, times];
  return themes.flatMap((theme) => theme(material));
}
