import { PROFILES, type ProfileName } from './profiles';
import { TokenRejected } from './refusals';
import { type TokenKind } from './token-kinds';
import { type AttributedToken, type UnverifiedToken, type ValidatedToken } from './token-states';
import { type IssuerPolicy } from './verifier-options';

/** Parameters that name or hold a key. It is never taken from a token: whoever made the token would choose it. */
export const KEY_PARAMETERS = Object.freeze(['jku', 'x5u', 'jwk', 'x5c'] as const);
export type KeyParameter = (typeof KEY_PARAMETERS)[number];

/**
 * The policy of the issuer that the token claims to be from, and what that policy says of its header. All that
 * is believed of the claim is whose rules and keys to try.
 *
 * @param kind what the token is wanted as
 * @throws TokenRejected `issuer_not_trusted`, `alg_not_allowed`, `header_not_allowed`, `typ_not_allowed`,
 *   `kid_missing`
 */
export function selectIssuer(
  token: UnverifiedToken,
  issuers: ReadonlyMap<string, IssuerPolicy>,
  kind: Pick<TokenKind<ValidatedToken>, 'checkType'>,
): AttributedToken {
  const issuer = issuers.get(token.unverifiedIssuer);
  if (!issuer) throw new TokenRejected('issuer_not_trusted', { debug: 'issuers' });
  // The decoder knew the lists of all issuers; this is the one of this issuer.
  if (!issuer.algorithms.has(token.algorithm)) throw new TokenRejected('alg_not_allowed', { debug: 'algorithms' });
  for (const name of KEY_PARAMETERS) {
    if (Object.hasOwn(token.header, name) && !issuer.ignoredHeaderParameters.has(name)) {
      throw new TokenRejected('header_not_allowed', { debug: `${name}; see ignoredHeaderParameters` });
    }
  }
  const { typ, kid } = token.header;
  kind.checkType(typ, issuer);
  if (kid === undefined && !issuer.keys.single) throw new TokenRejected('kid_missing');
  const { raw, algorithm, header, unverifiedIssuer, unverifiedClaims, signingInput, signature } = token;
  // Each by its name: a spread costs as much as the rest of this stage.
  return {
    raw,
    algorithm,
    header,
    unverifiedIssuer,
    unverifiedClaims,
    signingInput,
    signature,
    issuer,
    kid: (kid as string | undefined) ?? '',
  } as AttributedToken;
}

/** @throws TokenRejected `typ_not_allowed` for what isn't the type of the issuer's access tokens */
export function checkAccessType(typ: unknown, { profile }: IssuerPolicy): void {
  if (!isExpectedType(typ, PROFILES[profile].types)) {
    throw new TokenRejected('typ_not_allowed', { debug: profilesThatTake(typ) });
  }
}

function isExpectedType(typ: unknown, types: ReadonlySet<string | undefined>): boolean {
  return typ === undefined ? types.has(undefined) : typeof typ === 'string' && types.has(typ.toLowerCase());
}

function profilesThatTake(typ: unknown): string {
  const names = (Object.keys(PROFILES) as ProfileName[]).filter((name) => isExpectedType(typ, PROFILES[name].types));
  return names.length === 0 ? 'no profile takes this type' : `taken by these profiles: ${names.join(', ')}`;
}
