/** Deep enough for a chain of five actors and for rich authorization details; a parser's stack is deeper. */
const MAX_DEPTH = 16;
const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A JSON object (RFC 8259) that every parser understands alike: valid UTF-8 without a byte order mark, no name
 * twice in one object (RFC 7519, section 4), no `__proto__`, at most 16 levels deep. Frozen all the way down,
 * since whoever gets it shares it.
 *
 * @returns `undefined` for anything else
 */
export function parseStrictObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    // The error would quote the text, which is somebody's token.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // Of two members with one name JSON.parse keeps the last.
  return freezeCounting(value, 1) === membersWritten(bytes) ? (value as Record<string, unknown>) : undefined;
}

/** Of JSON, in which there is one colon to a member outside strings, and no backslash. */
function membersWritten(bytes: Uint8Array): number {
  let members = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) inString = !inString;
    else if (byte === BACKSLASH) at++;
    else if (byte === COLON && !inString) members++;
  }
  return members;
}

/** Freezes a value and what is in it, and counts its members; `NaN`, which equals no count, where it can't be had. */
function freezeCounting(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MAX_DEPTH) return NaN;
  Object.freeze(value);
  let members = 0;
  if (Array.isArray(value)) {
    for (const entry of value) members += freezeCounting(entry, depth + 1);
    return members;
  }
  for (const name of Object.keys(value)) {
    // An own member here, but a prototype to whoever copies the object by assignment.
    if (name === '__proto__') return NaN;
    members += 1 + freezeCounting((value as Record<string, unknown>)[name], depth + 1);
  }
  return members;
}
