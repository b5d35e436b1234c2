/** What the gateway takes as a body, less what else is in it. */
export const MAX_TOKEN_CHARACTERS = 15_000;

const QUOTES = /^["'“”‘’`]+|["'“”‘’`,;]+$/g;

/** What somebody has copied as a token: often with the header's name, the scheme, quotes, or broken into lines. */
export function pastedToken(text: string): string {
  const inOneLine = text.replace(/\s+/g, ' ').trim();
  return inOneLine
    .replace(/^(?:-H|--header) ?/, '')
    .replace(QUOTES, '')
    .replace(/^["']?authorization["']? ?: ?/i, '')
    .replace(QUOTES, '')
    .replace(/^bearer /i, '')
    .replace(QUOTES, '')
    .replaceAll(' ', '');
}
