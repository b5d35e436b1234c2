interface RequestLike {
  readonly rawHeaders?: readonly string[];
  readonly headers?: { readonly authorization?: string | readonly string[] };
}

/** Every `Authorization` header that was sent: Node's `headers` keeps the first and hides the others. */
export function authorizationHeaders(request: object): string[] {
  const { rawHeaders = [], headers } = request as RequestLike;
  // Some that stand in for a server – for functions in a cloud – make none.
  if (rawHeaders.length === 0) return [headers?.authorization ?? []].flat();
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
