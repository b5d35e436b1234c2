/** A JSON object of a token that nobody here has to believe. */
type Members = Readonly<Record<string, unknown>>;

/** A token, taken apart. */
interface TokenParts {
  readonly header: Members;
  readonly claims: Members;
  /** As it stands in the token. */
  readonly signature: string;
}

/** @param token one that the guard has let in: anything else need not have three parts */
export function partsOf(token: string): TokenParts {
  const [header = '', claims = '', signature = ''] = token.split('.');
  return { header: decoded(header), claims: decoded(claims), signature };
}

/** What a signature is made over. */
export function signingInput({ header, claims }: Pick<TokenParts, 'header' | 'claims'>): string {
  return `${encoded(header)}.${encoded(claims)}`;
}

/** The claims of somebody who would like to be an operator. */
export function promoted(claims: Members): Members {
  return { ...claims, scope: 'documents:read documents:write audit:read auth:admin' };
}

/** The token as it may be shown: header and payload as they are, and nothing that it could be used by. */
export function withoutSignature(token: string): string {
  const [header, claims, signature] = token.split('.');
  // What isn't of three parts may be all of a secret.
  if (header === undefined || claims === undefined || signature === undefined) return '…';
  return `${header}.${claims}.${signature === '' ? '' : '…'}`;
}

function decoded(part: string): Members {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Members;
}

function encoded(members: Members): string {
  return Buffer.from(JSON.stringify(members)).toString('base64url');
}
