/** What turns the direction of text around, and what can't be seen: it could make other words of what somebody else has written. */
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Words of others as they are, with whatever can't be seen as its code. */
export function plainText(text: string): string {
  return text.replace(UNSEEN, (unseen) =>
    unseen === '\n' ? unseen : `\\u${unseen.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
