import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
  randomBytes,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto';
import { type AlgorithmName } from '../src/core/algorithms';
import { isRefusal } from '../src/core/refusals';
import { TokenVerifier } from '../src/core/token-verifier';

type Signer = (signingInput: Buffer) => Buffer;

/** A verifier with one key, and the verdict on a good token with a signature of any making. */
class Scene {
  readonly #verifier: TokenVerifier;

  constructor(
    readonly algorithm: AlgorithmName,
    readonly publicKey: KeyObject,
  ) {
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key', alg: algorithm };
    this.#verifier = TokenVerifier.create({
      issuers: [
        { issuer: 'https://issuer.test', audience: 'resource', algorithms: [algorithm], jwks: { keys: [jwk] } },
      ],
      now: () => 1_800_000_000,
    });
  }

  async verdict(signer: Signer): Promise<string> {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const header = part({ alg: this.algorithm, typ: 'at+jwt', kid: 'key' });
    const payload = part({
      iss: 'https://issuer.test',
      sub: 'subject',
      aud: 'resource',
      client_id: 'gateway',
      jti: randomBytes(8).toString('hex'),
      iat: 1_800_000_000,
      exp: 1_800_000_300,
    });
    const signingInput = Buffer.from(`${header}.${payload}`);
    const token = `${signingInput.toString()}.${signer(signingInput).toString('base64url')}`;
    try {
      await this.#verifier.verify(token);
      return 'accepted';
    } catch (error) {
      if (isRefusal(error)) return error.code;
      throw error;
    }
  }
}

const toInteger = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
const toBytes = (value: bigint, length: number) => Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
const cut = (bytes: Buffer, at: number): [Buffer, Buffer] => [bytes.subarray(0, at), bytes.subarray(at)];
const concat = (...parts: readonly (Buffer | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));

/** Changes of length that make a signature wrong in any algorithm. */
const LENGTHS: readonly (readonly [name: string, change: (signature: Buffer) => Buffer])[] = [
  ['without its first byte', (signature) => signature.subarray(1)],
  ['without its last byte', (signature) => signature.subarray(0, -1)],
  ['half of it', (signature) => signature.subarray(0, signature.length / 2)],
  ['with a zero before it', (signature) => concat([0], signature)],
  ['with a zero behind it', (signature) => concat(signature, [0])],
  ['twice', (signature) => concat(signature, signature)],
  ['of 4096 bytes', (signature) => concat(signature, Buffer.alloc(4096 - signature.length))],
];

// SEC 2, section 2.4 to 2.6: the order of each curve's generator.
const CURVES: readonly (readonly [AlgorithmName, string, hash: string, bytes: number, order: bigint])[] = [
  ['ES256', 'P-256', 'sha256', 32, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [
    'ES384',
    'P-384',
    'sha384',
    48,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ],
  [
    'ES512',
    'P-521',
    'sha512',
    66,
    ((2n ** 261n - 1n) << 260n) | 0xa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ],
];

describe.each(CURVES)('a signature of %s on %s', (algorithm, namedCurve, hash, size, order) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const scene = new Scene(algorithm, publicKey);
  const pair = (input: Buffer, by = hash, encoding: SignKeyObjectInput['dsaEncoding'] = 'ieee-p1363') =>
    sign(by, input, { key: privateKey, dsaEncoding: encoding });
  const good: Signer = (input) => pair(input);
  /** The two integers of a good signature, changed. */
  const changed =
    (change: (r: bigint, s: bigint) => readonly [bigint, bigint], length = size): Signer =>
    (input) => {
      const [r, s] = cut(good(input), size);
      return concat(...change(toInteger(r), toInteger(s)).map((value) => toBytes(value, length)));
    };

  it('is accepted when it is right', async () => {
    expect(await scene.verdict(good)).toBe('accepted');
    expect(await scene.verdict(changed((r, s) => [r, s]))).toBe('accepted');
  });

  it('is accepted with order - s for s: a token has two good signatures, and jti is its name', async () => {
    expect(await scene.verdict(changed((r, s) => [r, order - s]))).toBe('accepted');
  });

  const edges: readonly (readonly [string, bigint])[] = [
    ['0', 0n],
    ['1', 1n],
    ['order - 1', order - 1n],
    ['order', order],
    ['order + 1', order + 1n],
    ['all ones', 2n ** BigInt(8 * size) - 1n],
  ];
  const pairs = edges.flatMap(([rName, r]) =>
    edges.map(([sName, s]): [string, Signer] => [`r = ${rName}, s = ${sName}`, changed(() => [r, s])]),
  );
  it.each<[string, Signer]>([
    ...pairs,
    ...edges.map(([name, edge]): [string, Signer] => [`s = ${name}`, changed((r) => [r, edge])]),
    ...edges.map(([name, edge]): [string, Signer] => [`r = ${name}`, changed((_r, s) => [edge, s])]),
    ['r and s in each other’s place', changed((r, s) => [s, r])],
    ['order - r', changed((r, s) => [order - r, s])],
    ['s + 1', changed((r, s) => [r, s + 1n])],
    ['r and s one byte longer', changed((r, s) => [r, s], size + 1)],
    ['in DER', (input) => pair(input, hash, 'der')],
    ['over another hash', (input) => pair(input, hash === 'sha256' ? 'sha512' : 'sha256')],
    ['over its own hash, hashed again', (input) => pair(createHash(hash).update(input).digest())],
    ...LENGTHS.map(([name, change]): [string, Signer] => [name, (input) => change(good(input))]),
  ])('is refused: %s', async (_name, signer) => {
    expect(await scene.verdict(signer)).toBe('signature_invalid');
  });

  if (algorithm === 'ES512') {
    // 528 bits have room for the same numbers modulo the order of 521 bits.
    it.each<[string, Signer]>([
      ['r + order', changed((r, s) => [r + order, s])],
      ['s + order', changed((r, s) => [r, s + order])],
      ['both', changed((r, s) => [r + order, s + order])],
      ['s + 64 * order', changed((r, s) => [r, s + 64n * order])],
    ])('is refused: not reduced, %s', async (_name, signer) => {
      expect(await scene.verdict(signer)).toBe('signature_invalid');
    });
  }
});

const { publicKey: rsaPublic, privateKey: rsaPrivate } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const RSA_BYTES = 256;
const MODULUS = toInteger(Buffer.from(rsaPublic.export({ format: 'jwk' }).n ?? '', 'base64url'));
/** The private operation on a block of any making. */
const rsa = (block: Buffer) => privateEncrypt({ key: rsaPrivate, padding: constants.RSA_NO_PADDING }, block);

const numbers: readonly (readonly [string, bigint])[] = [
  ['0', 0n],
  ['1', 1n],
  ['2', 2n],
  ['the modulus', MODULUS],
  ['the modulus - 1', MODULUS - 1n],
  ['the modulus + 1', MODULUS + 1n],
  ['all ones', 2n ** 2048n - 1n],
];

/** The same number modulo the modulus, where 256 bytes have room for it. */
function notReduced(signature: Buffer): Buffer | undefined {
  const value = toInteger(signature) + MODULUS;
  return value < 2n ** 2048n ? toBytes(value, RSA_BYTES) : undefined;
}

/** The same number in a byte less, where the first is zero, as of one in 256. */
function withoutItsZero(signature: Buffer): Buffer | undefined {
  return signature[0] === 0 ? signature.subarray(1) : undefined;
}

/** Of the first token whose signature can be rewritten so. */
async function verdictRewritten(
  scene: Scene,
  good: Signer,
  rewrite: (signature: Buffer) => Buffer | undefined,
): Promise<string> {
  for (;;) {
    let isRewritten = false;
    const verdict = await scene.verdict((input) => {
      const signature = good(input);
      const rewritten = rewrite(signature);
      isRewritten = rewritten !== undefined;
      return rewritten ?? signature;
    });
    if (isRewritten) return verdict;
  }
}

// RFC 8017, section 9.2, note 1: DigestInfo up to the digest.
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

describe.each([
  ['RS256', 'sha256'],
  ['RS384', 'sha384'],
  ['RS512', 'sha512'],
] as const)('a signature of %s', (algorithm, hash) => {
  const scene = new Scene(algorithm, rsaPublic);
  const digest = (input: Buffer, by: string = hash) => createHash(by).update(input).digest();
  const info = (by: string = hash) => Buffer.from(DIGEST_INFO[by] ?? '', 'hex');
  const digestInfo = (input: Buffer, by: string = hash) => concat(info(by), digest(input, by));
  const block = (content: Buffer, lead: readonly number[] = [0, 1], fill = 0xff) =>
    concat(lead, Buffer.alloc(RSA_BYTES - lead.length - 1 - content.length, fill), [0], content);
  const padded =
    (content: (input: Buffer) => Buffer, lead?: readonly number[], fill?: number): Signer =>
    (input) =>
      rsa(block(content(input), lead, fill));
  const good = padded((input) => digestInfo(input));
  /** DER with the digest in it: SEQUENCE { SEQUENCE { OID, parameters }, OCTET STRING }. */
  const oid = () => info().subarray(4, 15);
  const der = (tag: number, content: Buffer) => concat([tag, content.length], content);
  const built = (input: Buffer, parameters: readonly number[], behind: readonly number[] = []) =>
    der(0x30, concat(der(0x30, concat(oid(), parameters)), der(0x04, digest(input)), behind));
  /** With garbage behind the digest, and so much less padding. */
  const early = (input: Buffer, filled: number) => {
    const front = concat([0, 1], Buffer.alloc(filled, 0xff), [0], digestInfo(input));
    return rsa(concat(front, randomBytes(RSA_BYTES - front.length)));
  };

  it('is accepted when it is right, as it is when its block is made by hand', async () => {
    expect(await scene.verdict((input) => sign(hash, input, rsaPrivate))).toBe('accepted');
    expect(await scene.verdict(good)).toBe('accepted');
    expect(await scene.verdict(padded((input) => built(input, [5, 0])))).toBe('accepted');
  });

  it.each<[string, Signer]>([
    ['no parameters', padded((input) => built(input, []))],
    ['parameters that are not NULL', padded((input) => built(input, [4, 0]))],
    ['NULL with a content', padded((input) => built(input, [5, 1, 0]))],
    ['NULL twice', padded((input) => built(input, [5, 0, 5, 0]))],
    ['NULL behind the digest', padded((input) => built(input, [5, 0], [5, 0]))],
    ['garbage in the parameters', padded((input) => built(input, [4, 32, ...randomBytes(32)]))],
    ['bytes behind DigestInfo', padded((input) => concat(digestInfo(input), [0]))],
    ['an OCTET STRING with a zero before', padded((input) => concat([0], digestInfo(input)))],
    ['a length in its long form', padded((input) => concat([0x30, 0x81], digestInfo(input).subarray(1)))],
    ['a length with a leading zero', padded((input) => concat([0x30, 0x82, 0], digestInfo(input).subarray(1)))],
    ['an indefinite length', padded((input) => concat([0x30, 0x80], digestInfo(input).subarray(2), [0, 0]))],
    ['a sequence in a sequence', padded((input) => der(0x30, digestInfo(input)))],
    ['another tag', padded((input) => concat([0x31], digestInfo(input).subarray(1)))],
    ['the digest alone', padded((input) => digest(input))],
    ['the digest in an OCTET STRING alone', padded((input) => der(0x04, digest(input)))],
    ['the name of another hash', padded((input) => concat(info('sha1'), digest(input)))],
    ['SHA-1, named rightly', padded((input) => digestInfo(input, 'sha1'))],
    [
      'another hash of the family, named rightly',
      padded((input) => digestInfo(input, hash === 'sha256' ? 'sha512' : 'sha256')),
    ],
    ['the digest of something else', padded((input) => digestInfo(concat(input, [0])))],
    ['block type 0', padded((input) => digestInfo(input), [0, 0])],
    ['block type 2', padded((input) => digestInfo(input), [0, 2])],
    ['no leading zero', padded((input) => digestInfo(input), [1])],
    ['a leading one', padded((input) => digestInfo(input), [1, 1])],
    ['padding of other bytes', padded((input) => digestInfo(input), [0, 1], 0xfe)],
    ['padding of zeros', padded((input) => digestInfo(input), [0, 1], 0)],
    ['a zero in the padding', padded((input) => concat([0], digestInfo(input)))],
    [
      'no zero behind the padding',
      (input) => rsa(concat([0, 1], Buffer.alloc(254 - digestInfo(input).length, 0xff), digestInfo(input))),
    ],
    ['garbage behind the digest, 8 bytes of padding', (input) => early(input, 8)],
    ['garbage behind the digest, no padding', (input) => early(input, 0)],
    ['one byte of garbage behind the digest', (input) => early(input, RSA_BYTES - 4 - digestInfo(input).length)],
    ['of PSS', (input) => sign(hash, input, { key: rsaPrivate, padding: constants.RSA_PKCS1_PSS_PADDING })],
    ...numbers.map(([name, value]): [string, Signer] => [name, () => toBytes(value, RSA_BYTES)]),
    ...LENGTHS.map(([name, change]): [string, Signer] => [name, (input) => change(good(input))]),
  ])('is refused: %s', async (_name, signer) => {
    expect(await scene.verdict(signer)).toBe('signature_invalid');
  });

  it('is refused: not reduced', async () => {
    expect(await verdictRewritten(scene, good, notReduced)).toBe('signature_invalid');
  });

  it('is refused: without the zero that it begins with', async () => {
    expect(await verdictRewritten(scene, good, withoutItsZero)).toBe('signature_invalid');
  });
});

interface PssChanges {
  readonly salt?: Buffer;
  readonly hash?: string;
  readonly maskHash?: string;
  readonly trailer?: number;
  readonly separator?: number;
  readonly fill?: number;
  readonly topBit?: boolean;
  readonly wrongSalt?: boolean;
}

/** RFC 8017, section 9.1.1, with anything in it wrong. */
function pssBlock(input: Buffer, hash: string, changes: PssChanges = {}): Buffer {
  const { maskHash = hash, trailer = 0xbc, separator = 1, fill = 0, topBit = false } = changes;
  const digest = (bytes: Buffer, by = changes.hash ?? hash) => createHash(by).update(bytes).digest();
  const messageHash = digest(input);
  const salt = changes.salt ?? randomBytes(messageHash.length);
  const salted = digest(concat(Buffer.alloc(8), messageHash, salt));
  const written = changes.wrongSalt ? randomBytes(salt.length) : salt;
  const data = concat(Buffer.alloc(RSA_BYTES - salt.length - salted.length - 2, fill), [separator], written);
  const mask = Buffer.concat(
    Array.from({ length: Math.ceil(data.length / 16) }, (_, counter) =>
      digest(concat(salted, toBytes(BigInt(counter), 4)), maskHash),
    ),
  );
  const masked = Buffer.from(data.map((byte, index) => byte ^ mask.readUInt8(index)));
  masked.writeUInt8((masked.readUInt8(0) & 0x7f) | (topBit ? 0x80 : 0), 0);
  return concat(masked, salted, [trailer]);
}

describe.each([
  ['PS256', 'sha256', 32],
  ['PS384', 'sha384', 48],
  ['PS512', 'sha512', 64],
] as const)('a signature of %s', (algorithm, hash, size) => {
  const scene = new Scene(algorithm, rsaPublic);
  const made =
    (changes?: PssChanges): Signer =>
    (input) =>
      rsa(pssBlock(input, hash, changes));
  const good = made();
  const other = hash === 'sha256' ? 'sha512' : 'sha256';

  it('is accepted when it is right, as it is when its block is made by hand', async () => {
    const key = { key: rsaPrivate, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: size };
    expect(await scene.verdict((input) => sign(hash, input, key))).toBe('accepted');
    expect(await scene.verdict(good)).toBe('accepted');
    expect(await scene.verdict(made({ salt: Buffer.alloc(size) }))).toBe('accepted');
  });

  it.each<[string, Signer]>([
    ...[0, 1, 20, size - 1, size + 1, 254 - 2 * size].map((length): [string, Signer] => [
      `a salt of ${length} bytes`,
      made({ salt: randomBytes(length) }),
    ]),
    ['another salt than was hashed', made({ wrongSalt: true })],
    ['another hash', made({ hash: other })],
    ['another hash for the mask', made({ maskHash: other })],
    ['SHA-1 for the mask', made({ maskHash: 'sha1' })],
    ['another last byte', made({ trailer: 0xcc })],
    ['another byte before the salt', made({ separator: 2 })],
    ['no byte before the salt', made({ separator: 0 })],
    ['padding that is not zero', made({ fill: 1 })],
    ['of PKCS #1 v1.5', (input) => sign(hash, input, rsaPrivate)],
    ...numbers.map(([name, value]): [string, Signer] => [name, () => toBytes(value, RSA_BYTES)]),
    ...LENGTHS.map(([name, change]): [string, Signer] => [name, (input) => change(good(input))]),
  ])('is refused: %s', async (_name, signer) => {
    expect(await scene.verdict(signer)).toBe('signature_invalid');
  });

  it('is refused: the bit that has to be zero', async () => {
    // As a number it must stay below the modulus.
    const signer: Signer = (input) => {
      for (;;) {
        const block = pssBlock(input, hash, { topBit: true });
        if (toInteger(block) < MODULUS) return rsa(block);
      }
    };
    expect(await scene.verdict(signer)).toBe('signature_invalid');
  });

  it('is refused: not reduced', async () => {
    expect(await verdictRewritten(scene, good, notReduced)).toBe('signature_invalid');
  });

  it('is refused: without the zero that it begins with', async () => {
    expect(await verdictRewritten(scene, good, withoutItsZero)).toBe('signature_invalid');
  });
});

describe.each(['EdDSA', 'Ed25519'] as const)('a signature of %s', (algorithm) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const scene = new Scene(algorithm, publicKey);
  const good: Signer = (input) => sign(null, input, privateKey);
  // RFC 8032, section 5.1: the order of the base point; integers are written with their lowest byte first.
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
  const integer = (bytes: Buffer) => toInteger(Buffer.from(bytes).reverse());
  const bytes = (value: bigint) => toBytes(value, 32).reverse();
  const changed =
    (change: (point: Buffer, s: bigint) => readonly [Buffer, bigint]): Signer =>
    (input) => {
      const [point, s] = cut(good(input), 32);
      const [otherPoint, otherS] = change(point, integer(s));
      return concat(otherPoint, bytes(otherS));
    };
  const identity = bytes(1n);

  it('is accepted when it is right', async () => {
    expect(await scene.verdict(good)).toBe('accepted');
    expect(await scene.verdict(changed((point, s) => [point, s]))).toBe('accepted');
  });

  it.each<[string, Signer]>([
    ...[1n, 2n, 4n, 8n, 14n].map((times): [string, Signer] => [
      `s + ${times} * order`,
      changed((point, s) => [point, s + times * ORDER]),
    ]),
    ['order - s', changed((point, s) => [point, ORDER - s])],
    ...[0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 256n - 1n].flatMap((s): [string, Signer][] => [
      [`s = ${s}`, changed((point) => [point, s])],
      [`s = ${s} with the identity`, changed(() => [identity, s])],
      [`s = ${s} with a point of zeros`, changed(() => [Buffer.alloc(32), s])],
    ]),
    ['the point’s sign turned', changed((point, s) => [bytes(integer(point) ^ (2n ** 255n)), s])],
    ['a point that is not on the curve', changed((_point, s) => [bytes(2n), s])],
    ['a point that is not reduced', changed((_point, s) => [bytes(2n ** 255n - 18n), s])],
    [
      'the key for the point',
      changed((_point, s) => [Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'), s]),
    ],
    ['point and s in each other’s place', (input) => concat(...cut(good(input), 32).reverse())],
    ['over the hash of the input', (input) => good(createHash('sha512').update(input).digest())],
    ['of Ed448', (input) => sign(null, input, generateKeyPairSync('ed448').privateKey)],
    ...LENGTHS.map(([name, change]): [string, Signer] => [name, (input) => change(good(input))]),
  ])('is refused: %s', async (_name, signer) => {
    expect(await scene.verdict(signer)).toBe('signature_invalid');
  });
});
