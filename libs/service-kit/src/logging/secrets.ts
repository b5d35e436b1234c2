/** Names of members that hold a secret, wherever they are. */
const SECRET_NAMES = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'access_token',
  'refresh_token',
  'subject_token',
  'actor_token',
  'id_token',
  'client_secret',
  'client_assertion',
  'clientSecret',
  'refreshToken',
  'accessToken',
];

const NAMES = SECRET_NAMES.join('|');
const CENSORED = '[redacted]';

/** What looks like a secret in a line of JSON, and what it becomes. */
const FORMS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Anything of a JWT's form: two parts are enough, so that a cut-off one is found too.
  [/eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*/g, '[token]'],
  // A refresh token; a cut-off one too.
  [/\brt_[\w-]{12,}/g, '[token]'],
  [/\b(Basic|Bearer) [\w.~+/-]{16,}=*/gi, `$1 ${CENSORED}`],
  [/\$argon2[a-z]{1,2}\$[^\s"\\]+/g, CENSORED],
  [/\b(__(?:Host|Secure)-\w+)=[^;\s"'\\]+/g, `$1=${CENSORED}`],
  // Whoever is named in an URL, and by which password.
  [/(:\/\/)[^\s/"'@\\]+@/g, `$1${CENSORED}@`],
];

/** Whether it may be worth looking for names: most lines have none. */
const MAY_NAME = /auth|cookie|password|token|secret|assertion/i;

/** What stands under such a name. */
const NAMED: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // A member at any depth: a text, a list, an object, a number.
  [
    new RegExp(`"(${NAMES})":(?:"(?:[^"\\\\]|\\\\.)*"|\\[[^\\]]*\\]|\\{[^}]*\\}|[^",{}[\\]]+)`, 'gi'),
    `"$1":"${CENSORED}"`,
  ],
  // The same in a text: a member of quoted JSON, a parameter of a form or a query, a header.
  [new RegExp(`\\\\"(${NAMES})\\\\":\\s*\\\\"(?:[^"\\\\]|\\\\\\\\.)*\\\\"`, 'gi'), `\\"$1\\":\\"${CENSORED}\\"`],
  [new RegExp(`\\b(${NAMES})=[^&;\\s"'\\\\]+`, 'gi'), `$1=${CENSORED}`],
  [/\b((?:set-)?cookie|(?:proxy-)?authorization): [^"\\]+/gi, `$1: ${CENSORED}`],
];

/** The shortest that is looked for: a shorter one stands in many a line by chance, and is none. */
const SHORTEST = 8;

/**
 * Cuts secrets out of a line of JSON: what looks like one, and those that this service knows.
 *
 * @param known each as it is
 */
export function withoutSecrets(known: readonly string[]): (line: string) => string {
  const texts = new Set(known.filter((secret) => secret.length >= SHORTEST).flatMap(written));
  const ours = texts.size > 0 ? new RegExp([...texts].map(escaped).join('|'), 'g') : undefined;
  return (line) => {
    let clean = ours ? line.replace(ours, CENSORED) : line;
    for (const [pattern, replacement] of FORMS) clean = clean.replace(pattern, replacement);
    if (!MAY_NAME.test(clean)) return clean;
    for (const [pattern, replacement] of NAMED) clean = clean.replace(pattern, replacement);
    return clean;
  };
}

/** As it may stand in a line of JSON, in an URL, and in a form. */
function written(secret: string): string[] {
  return [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
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
