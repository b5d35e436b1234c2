export interface Account {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
  readonly kid: string;
  /** The session that the token belongs to. */
  readonly session: string | undefined;
}

/** What a token says of its user, unverified: good enough to show it to that user, and for nothing else. */
export function readAccount(token: string): Account | undefined {
  const [header, claims] = token.split('.', 2).map(decoded);
  if (typeof claims?.sub !== 'string' || typeof claims.exp !== 'number') return undefined;
  return {
    subject: claims.sub,
    scopes: typeof claims.scope === 'string' ? claims.scope.split(' ').filter(Boolean) : [],
    expiresAt: claims.exp,
    kid: typeof header?.kid === 'string' ? header.kid : '',
    session: typeof claims.sid === 'string' ? claims.sid : undefined,
  };
}

function decoded(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
