/** What the gateway takes as a body. */
const MAX_BODY_BYTES = 16 * 1024;
/** More than a token that may be sent has with all its line breaks; the search takes the square of it at worst. */
const MAX_SEARCHED = 20_000;

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
  `(?<![\\w.-])e[yw]${part(BROKEN)}\\.${part(BROKEN)}\\.${part(LAST_BROKEN)}(?![\\w-]|\\.[\\w-])`,
  'm',
);

/**
 * What somebody has copied as a token: often in a whole command or answer, with the header's name, in quotes, or broken
 * into lines. The first signed JWT in it; where there is none, all of it without its white space.
 */
export function pastedToken(text: string): string {
  const seen = text
    .replace(UNSEEN, '')
    .replace(/[^\S\n]+/g, ' ')
    .trim();
  const found = seen.length <= MAX_SEARCHED ? JWS.exec(seen)?.[0] : undefined;
  // Where there is none the gateway says what is wrong with all of it.
  return (found ?? seen).replace(/[\s\\]/g, '');
}

/** Whether the gateway wouldn't even read it, with the JSON around it. */
export function isTooLarge(token: string): boolean {
  return new TextEncoder().encode(JSON.stringify({ token })).byteLength > MAX_BODY_BYTES;
}
