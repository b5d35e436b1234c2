import { TokenVerifier } from '@token-relay/jwt-guard';
import { generateTestKey, TestIssuer } from '@token-relay/testing';
import { randomUUID } from 'node:crypto';
import { type Contender } from '../harness/contender';
import { acceptingLater, Requests } from '../verification/requests';

export interface SizedSetting {
  /** How many keys the set has; tokens are signed with each of them in turns. */
  readonly keys: number;
  /** How long each token is, or up to 60 less: the shortest have 508. */
  readonly bytes: number;
}

const USERS = 200;
/** Fewer than there are tokens: each is forgotten before it comes again. */
const REMEMBERED_WHEN_COLD = 20;
/** As long as they may live: longer than this is measured. */
const LIFETIME_SECONDS = 900;

/** Every token was verified before. */
export async function warm(setting: SizedSetting): Promise<Contender> {
  const { verifier, tokens } = await made(setting);
  for (const token of tokens) await verifier.verify(token);
  if (tokens.some((token) => !verifier.recall(token))) throw new Error('a token was forgotten');
  return asked(verifier, tokens);
}

/** None was. */
export async function cold(setting: SizedSetting): Promise<Contender> {
  const { verifier, tokens } = await made(setting, REMEMBERED_WHEN_COLD);
  for (const token of tokens) await verifier.verify(token);
  if (tokens[0] !== undefined && verifier.recall(tokens[0])) throw new Error('the token is remembered');
  return asked(verifier, tokens);
}

function asked(verifier: TokenVerifier, tokens: readonly string[]): Contender {
  return acceptingLater(
    Requests.of(tokens),
    async (authorization) => (await verifier.authenticate({ authorization })).subject,
  );
}

async function made(setting: SizedSetting, verdictCacheSize?: number) {
  const keys = await Promise.all(Array.from({ length: setting.keys }, () => generateTestKey('ES256')));
  const issuer = await TestIssuer.create({ audience: 'gateway', keys });
  const verifier = TokenVerifier.create({
    issuers: [{ issuer: issuer.issuer, audience: 'gateway', algorithms: ['ES256'], jwks: issuer.jwks }],
    ...(verdictCacheSize !== undefined && { verdictCacheSize }),
  });
  return { verifier, tokens: await tokensOf(issuer, setting, USERS) };
}

/** Each is of another user. What makes them longer are the groups that the user is in. */
async function tokensOf(issuer: TestIssuer, { bytes }: SizedSetting, count: number): Promise<string[]> {
  const exp = issuer.clock.now() + LIFETIME_SECONDS;
  const tokens: string[] = [];
  for (let i = 0; i < count; i++) {
    const key = issuer.keys[i % issuer.keys.length];
    const claims = { sub: randomUUID(), jti: randomUUID(), exp };
    const { length } = await issuer.token(claims, {}, key);
    const token = await issuer.token({ ...claims, groups: groupsFor(bytes - length) }, {}, key);
    if (token.length > bytes || token.length < bytes - 60)
      throw new Error(`a token has ${token.length} characters in the place of ${bytes}`);
    tokens.push(token);
  }
  return tokens;
}

/** As many as make a token longer by this, in base64url; undefined where there is no room for any. */
function groupsFor(room: number): string[] | undefined {
  const each = randomUUID().length + '"",'.length;
  const groups = Math.floor((Math.floor((room * 3) / 4) - ',"groups":[]'.length + 1) / each);
  return groups > 0 ? Array.from({ length: groups }, () => randomUUID()) : undefined;
}
