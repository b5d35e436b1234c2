/**
 * In JSON: escapes, those of a backslash and a quote too, so that each is taken as a whole; and what has none, but steers a
 * terminal or the direction of writing.
 */
const CHARACTERS = /\\(?:u[\da-f]{4}|.)|[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
/** A line that can be no line of the log, for it is indented; or the next cause in a stack. */
const CONTINUED = /^(?: {2}|caused by: )/;
const CONTINUED_LENGTH = 'caused by: '.length;

/** Makes control characters in a line of JSON visible, so that what is printed of it is what was said, and one line. */
export function visible(line: string): string {
  return line.replace(CHARACTERS, (found, at: number) => {
    if (!found.startsWith('\\')) return `\\\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
    if (found === '\\\\' || found === '\\"') return found;
    const next = at + found.length;
    return found === '\\n' && CONTINUED.test(line.slice(next, next + CONTINUED_LENGTH)) ? found : `\\${found}`;
  });
}
