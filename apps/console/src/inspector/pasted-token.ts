/** What the gateway takes as a body, less what else is in it. */
export const MAX_TOKEN_CHARACTERS = 15_000;

/** What somebody has copied as a token: often with the name of the scheme, with quotes, or broken into lines. */
export function pastedToken(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^(authorization: ?)?bearer /i, '')
    .replace(/^["']|["'],?$/g, '')
    .replaceAll(' ', '');
}
