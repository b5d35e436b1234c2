/** How much a line says of what others may send in any length: a path, a pattern. In characters. */
const LONGEST = 2_048;

/**
 * What is too long, cut off. Secrets are cut out before, so that no half of one is left at the end.
 *
 * @param clean cuts out secrets
 */
export function shortened(text: string, clean: (text: string) => string, longest = LONGEST): string {
  if (text.length <= longest) return text;
  return `${clean(text.slice(0, 2 * longest)).slice(0, longest)}… (${text.length} characters)`;
}
