/** The text of a JSON object with one member more – text, too, so that it can be what `JSON.stringify` never writes. */
export function withMember(json: string, member: string): string {
  return `${json.slice(0, -1)},${member}}`;
}

/** Objects in objects, that many; the innermost is empty. */
export function objectsInside(depth: number): string {
  return `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
}

/** Lists in lists, that many; the innermost is empty. */
export function listsInside(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

/** Actors behind one another, the innermost with what is given for its own `act`. */
export function actors(count: number, innermost?: unknown): object {
  const act = count === 1 ? innermost : actors(count - 1, innermost);
  return { sub: `service-${count}`, act };
}

/** Capitals for small letters, and small ones for capitals. */
export function otherCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()));
}
