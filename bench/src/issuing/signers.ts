import { importPKCS8, jwtVerify, SignJWT } from 'jose';
import { constants, generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import { type Contender } from '../harness/contender';

export type SignedWith = 'ES256' | 'RS256' | 'PS256' | 'EdDSA';

export interface SignerSetting {
  readonly algorithm: SignedWith;
  /** Of an RSA key. */
  readonly bits?: number;
  /** How many are under way at once: auth doesn't wait for one token before it begins the next. */
  readonly atOnce?: number;
}

const AS_JWS = {
  ES256: { hash: 'sha256', dsaEncoding: 'ieee-p1363' },
  RS256: { hash: 'sha256', padding: constants.RSA_PKCS1_PADDING },
  PS256: {
    hash: 'sha256',
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  },
  EdDSA: { hash: null },
} as const;

/** The limit: what signing itself takes, of bytes that are there, on the thread that asks for it. */
export function bare({ algorithm, bits }: SignerSetting): Contender {
  const { privateKey, publicKey } = keyPair(algorithm, bits);
  const { hash, ...how } = AS_JWS[algorithm];
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = Buffer.from(`${encoded(header(algorithm))}.${encoded(claims(randomUUID()))}`);
  if (!verify(hash, input, { key: publicKey, ...how }, sign(hash, input, { key: privateKey, ...how })))
    throw new Error(`${algorithm}: what was signed isn't good`);
  return {
    run(count) {
      for (let i = 0; i < count; i++) sign(hash, input, { key: privateKey, ...how });
      return Promise.resolve();
    },
  };
}

/** As auth signs: claims become a token, by jose, with a key that can't be taken out of the crypto library. */
export async function throughJose({ algorithm, bits, atOnce = 1 }: SignerSetting): Promise<Contender> {
  const pair = keyPair(algorithm, bits);
  const key = await importPKCS8(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string, algorithm);
  const subjects = Array.from({ length: 500 }, () => randomUUID());
  const token = (index: number): Promise<string> =>
    new SignJWT(claims(subjects[index % subjects.length] as string)).setProtectedHeader(header(algorithm)).sign(key);
  const { payload } = await jwtVerify(await token(0), pair.publicKey, { audience: 'gateway', algorithms: [algorithm] });
  if (payload.sub !== subjects[0]) throw new Error(`${algorithm}: what was signed isn't good`);
  return {
    async run(count) {
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < count) await token(next++);
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
    },
  };
}

function keyPair(algorithm: SignedWith, modulusLength = 2048): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength });
}

function header(alg: SignedWith) {
  return { alg, typ: 'at+jwt', kid: 'n5cEKnRTSm9jGzAtx1nVVDEJnzpSW5m1tCOVBrEBMT4' };
}

/** As those of a token that auth issues at a login. */
function claims(sub: string) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: 'https://issuer.test',
    sub,
    aud: 'gateway',
    client_id: 'gateway',
    scope: 'documents:read documents:write',
    jti: '0d5b1fa4-6f6d-4a36-a0f3-4f0d1ad1a0b8',
    sid: 'M2pZbHl0c2lRZ2tqcXZ4',
    sub_epoch: 0,
    auth_time: now,
    iat: now,
    exp: now + 300,
  };
}
