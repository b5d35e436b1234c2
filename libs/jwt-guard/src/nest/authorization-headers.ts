/** Every `Authorization` header that was sent: Node's `headers` keeps the first and hides the others. */
export function authorizationHeaders(request: object): string[] {
  const { rawHeaders } = request as { rawHeaders: readonly string[] };
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
