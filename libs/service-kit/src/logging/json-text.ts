/**
 * JSON that is looked at as text, and JSON that is quoted in it, as deep as may be. The text around JSON is of level 0; each
 * time that it is quoted adds one.
 */

/** What a quote is written like there: `"`, `\"`, `\\\"`, … */
export function quoteOf(level: number): string {
  return `${'\\'.repeat(2 ** level - 1)}"`;
}

/** @returns the level of a quote with so many backslashes before it: the ones at the end of their number in binary */
export function levelOf(backslashes: number): number {
  let level = 0;
  for (let rest = backslashes; rest & 1; rest >>= 1) level++;
  return level;
}

export function backslashesBefore(text: string, at: number): number {
  let from = at;
  while (from > 0 && text[from - 1] === '\\') from--;
  return at - from;
}

/**
 * Where the value that begins there ends: a text, an object, a list, or a word. One that is cut off ends with the text that
 * it is quoted in. Takes time in proportion to its length, and never fails.
 *
 * @param level of the JSON that the value is part of
 */
export function endOfValue(text: string, start: number, level: number): number {
  let depth = 0;
  let isInText = false;
  let backslashes = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') {
      backslashes++;
      continue;
    }
    if (character === '"') {
      const own = levelOf(backslashes);
      if (own < level) return at - backslashes;
      if (own === level) {
        isInText = !isInText;
        if (!isInText && depth === 0) return at + 1;
      }
    } else if (!isInText) {
      if (character === '{' || character === '[') depth++;
      else if (character === '}' || character === ']') {
        if (depth === 0) return at - backslashes;
        if (--depth === 0) return at + 1;
      } else if (character === ',' && depth === 0) return at - backslashes;
    }
    backslashes = 0;
  }
  return text.length;
}
