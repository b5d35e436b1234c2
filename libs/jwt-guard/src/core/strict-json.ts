/** Deep enough for a chain of five actors and for rich authorization details; a parser's stack is deeper. */
const MAX_DEPTH = 16;
const STRINGS = /"(?:[^"\\]|\\.)*"/g;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A JSON object (RFC 8259) that every parser understands alike: valid UTF-8 without a byte order mark, no name
 * twice in one object (RFC 7519, section 4), no `__proto__`, at most 16 levels deep. Frozen all the way down,
 * since whoever gets it shares it.
 *
 * @returns `undefined` for anything else
 */
export function parseStrictObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    // The error would quote the text, which is somebody's token.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // Of two members with one name JSON.parse keeps the last. Outside strings there is one colon to a member.
  const structure = text.replace(STRINGS, '');
  let written = 0;
  for (let at = structure.indexOf(':'); at >= 0; at = structure.indexOf(':', at + 1)) written++;
  return freezeCounting(value, 1) === written ? (value as Record<string, unknown>) : undefined;
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
