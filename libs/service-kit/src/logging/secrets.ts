import { withoutForms } from './secret-forms';
import { CENSORED, withoutNamed } from './secret-names';

/** The shortest that is looked for: a shorter one stands in many a line by chance, and is none. */
const SHORTEST = 8;

/**
 * Cuts secrets out of a line of JSON, which stays one: what looks like a secret, what stands under the name of one, and
 * those that this service knows. Takes time in proportion to the line.
 *
 * @param known each as it is
 */
export function withoutSecrets(known: readonly string[]): (line: string) => string {
  const texts = new Set(known.filter((secret) => secret.length >= SHORTEST).flatMap(written));
  const ours = texts.size > 0 ? new RegExp([...texts].map(escaped).join('|'), 'g') : undefined;
  return (line) => {
    const clean = ours ? line.replace(ours, CENSORED) : line;
    return isHarmless(clean) ? clean : withoutNamed(withoutForms(clean));
  };
}

/** Of these characters alone, most paths for one, no secret is made but those that begin like one. */
const SIMPLE = /^"?[\w./-]*"?$/;
const BEGINS_SECRET = /eyJ|rt_|-----/;

/** Whether there is no need to look at it more closely. */
function isHarmless(text: string): boolean {
  return SIMPLE.test(text) && !BEGINS_SECRET.test(text);
}

/** As it may stand in a line of JSON, in JSON that is quoted there, in an URL, and in a form. */
function written(secret: string): string[] {
  const quoted = JSON.stringify(secret).slice(1, -1);
  return [JSON.stringify(quoted).slice(1, -1), quoted, encodeURIComponent(secret)];
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}

/** Names of the configuration whose values are secrets, each or several joined by commas. */
const SECRET_SETTINGS = /_(?:SECRET|KEY|KEYS|PASSWORD)$/;

/** The secrets in a configuration, passwords in its URLs among them. */
export function secretsIn(config: object): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    if (typeof value !== 'string') return [];
    if (SECRET_SETTINGS.test(name)) return [value, ...value.split(',')];
    return name.endsWith('_URL') ? passwordsIn(value) : [];
  });
}

function passwordsIn(urls: string): string[] {
  return [...urls.matchAll(/:\/\/[^/@\s]*?:([^/@\s]+)@/g)].flatMap(([, password = '']) => [
    password,
    decoded(password),
  ]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // It stands for itself.
    return text;
  }
}
