interface RequestLike {
  readonly rawHeaders?: readonly string[];
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const NONE: readonly string[] = Object.freeze([]);

/** Every `Authorization` header that was sent: Node's `headers` keeps the first and hides the others. */
export function authorizationHeaders(request: object): readonly string[] {
  const { rawHeaders = NONE, headers } = request as RequestLike;
  // Some that stand in for a server – for functions in a cloud – make none.
  return rawHeaders.length === 0 ? listed(headers?.authorization) : sentAs('authorization', rawHeaders);
}

/**
 * Every header of that name that was sent: Node's `headers` joins several into one text, in which nobody can tell two
 * values from one that has a comma.
 *
 * @param name in lower case
 */
export function sentHeaders(request: object, name: string): readonly string[] {
  const { rawHeaders = NONE, headers } = request as RequestLike;
  const joined = headers?.[name];
  // Most calls are without: what was sent isn't looked through for nothing.
  if (joined === undefined) return NONE;
  const sent = sentAs(name, rawHeaders);
  return sent.length === 0 ? listed(joined) : sent;
}

function sentAs(name: string, rawHeaders: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const sent = rawHeaders[i];
    if (sent?.length === name.length && sent.toLowerCase() === name) found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}

function listed(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? NONE : [value].flat();
}
