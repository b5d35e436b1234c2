import { type Forge } from '../forge';
import { otherCase } from '../json-text';
import { TEST_ALGORITHMS } from '../test-key';
import { signedAs } from './algorithms';
import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

/** A `kid` that leads to no key of the issuer, or to one that is for something else. */
export function keys(material: Material): HostileToken[] {
  return refusedAt('resolve_key', [...unknownKeys(material), ...mismatches(material)]);
}

/** Not many: a verifier may ask the issuer again for each, and wait for the answer. */
function unknownKeys({ forge, stranger }: Material): Row[] {
  const { kid } = forge.key;
  const kids: [name: string, kid: string][] = [
    ['a kid that is a path', '../../../../etc/passwd'],
    ['a kid that is a query', "' OR 1=1 --"],
    ['a kid that is an address', 'https://evil.test/key.pem'],
    ['kid __proto__', '__proto__'],
    ['kid constructor', 'constructor'],
    ['kid as the index of the first key', '0'],
    ['kid in the other case', otherCase(kid)],
    ['kid and a space', `${kid} `],
    ['kid and a NUL', `${kid}\0`],
    ['kid, all but its last letter', kid.slice(0, -1)],
    ['kid of 256 letters', 'k'.repeat(256)],
  ];
  const published = new Set(forge.issuer.keys.map((key) => key.kid));
  // An issuer can have a kid that is as short or as long as it gets.
  const unknown = kids.filter(([, made]) => !published.has(made) && made.length > 0 && made.length <= 256);
  return [
    ...unknown.map(([name, made]): Row => [name, forge.token({}, { kid: made }), 'key_unknown']),
    ["a stranger's key under its own kid", forge.token({}, {}, stranger), 'key_unknown'],
  ];
}

/** An algorithm that is allowed, and a key of ours, but not one that is for it (RFC 8725, section 3.1). */
function mismatches({ forge, allowed }: Material): Row[] {
  const { kid, algorithm } = forge.key;
  const asOthers = TEST_ALGORITHMS.filter((name) => name !== algorithm && allowed.has(name)).map((alg): Row => [
    `alg ${alg} under the kid of our key for ${algorithm}`,
    signedAs(forge, alg),
    'key_alg_mismatch',
  ]);
  const [, ...others] = forge.issuer.keys;
  return [
    ...asOthers,
    ...others.flatMap((other) => underTheKidOf(forge, other.kid, other.algorithm, allowed)),
    ...others
      .filter((other) => other.algorithm !== algorithm && allowed.has(other.algorithm))
      .map((other): Row => {
        const name = `a token of our key for ${other.algorithm} under the kid of the one for ${algorithm}`;
        return [name, forge.token({}, { kid }, other), 'key_alg_mismatch'];
      }),
  ];
}

/** A key that the verifier may not use is none that it knows. */
function underTheKidOf(forge: Forge, kid: string, algorithm: string, allowed: ReadonlySet<string>): Row[] {
  if (algorithm === forge.key.algorithm) return [];
  const name = `a token of our key for ${forge.key.algorithm} under the kid of the one for ${algorithm}`;
  return [[name, forge.token({}, { kid }), allowed.has(algorithm) ? 'key_alg_mismatch' : 'key_unknown']];
}
