/** What the gateway takes as a body. */
const MAX_BODY_BYTES = 16 * 1024;

const QUOTES = /^["'“”‘’`]+|["'“”‘’`,;]+$/g;

/** Such as a byte order mark, or spaces without a width. */
const UNSEEN = /\p{Cf}/gu;

/** The end of a line inside a token: the next line holds nothing else, or it is what closes the quotes. */
const lineEnd = (characters: string): string => ` ?\\\\?\n ?(?=${characters}+(?:["'”’\`]|[,;]? ?\\\\?$))`;
const BROKEN = lineEnd('[\\w.-]');
/** After the second dot there is no other, so that a token in the next line isn't more of this one. */
const LAST_BROKEN = lineEnd('[\\w-]');
const part = (broken: string): string => `(?:[\\w-]|${broken})*`;
/** A JWS in the compact form: the header is an object in base64url, and the signature may be missing. */
const JWS = new RegExp(
  `(?<![\\w.-])ey${part(BROKEN)}\\.${part(BROKEN)}\\.${part(LAST_BROKEN)}(?![\\w-]|\\.[\\w-])`,
  'm',
);

/**
 * What somebody has copied as a token: often in a whole command or answer, with the header's name, in quotes, or broken
 * into lines. The first signed JWT in it, if one is there.
 */
export function pastedToken(text: string): string {
  const seen = text
    .replace(UNSEEN, '')
    .replace(/[^\S\n]+/g, ' ')
    .trim();
  const found = JWS.exec(seen)?.[0];
  if (found !== undefined) return found.replace(/[\s\\]/g, '');
  return seen
    .replace(/\s+/g, ' ')
    .replace(/^(?:-H|--header) ?/, '')
    .replace(QUOTES, '')
    .replace(/^["']?authorization["']? ?: ?/i, '')
    .replace(QUOTES, '')
    .replace(/^bearer /i, '')
    .replace(QUOTES, '')
    .replaceAll(' ', '');
}

/** Whether the gateway wouldn't even read it, with the JSON around it. */
export function isTooLarge(token: string): boolean {
  return new TextEncoder().encode(JSON.stringify({ token })).byteLength > MAX_BODY_BYTES;
}
