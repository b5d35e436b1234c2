/** Who has signed a token, as the token says. */
export interface Signer {
  readonly issuer: string;
  readonly kid: string;
}

/** Of a token that nobody here has verified: no more than a hint. `undefined` where it doesn't say. */
export function signerOf(token: string): Signer | undefined {
  const [header = '', claims = ''] = token.split('.');
  const [kid, issuer] = [member(header, 'kid'), member(claims, 'iss')];
  return typeof kid === 'string' && typeof issuer === 'string' ? { issuer, kid } : undefined;
}

function member(part: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return (value as Partial<Record<string, unknown>> | null)?.[name];
  } catch {
    return undefined;
  }
}
