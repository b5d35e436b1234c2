/** What looks like a secret, wherever it stands. */
const FORMS: Readonly<Record<string, RegExp>> = {
  'a token': /eyJ[\w-]{8,}\.[\w-]{8,}/,
  'a refresh token': /\brt_[\w-]{12,}/,
  'the value of a cookie': /__(?:Host|Secure)-[\w-]+=[^\s;"'\\[]{4,}/,
  'the authorization of a client': /\bBasic [\w+/-]{16,}/i,
  'the hash of a password': /\$argon2[a-z]{1,2}\$/,
  'a password in an URL': /\b[a-z][a-z\d+.-]*:\/\/[^\s/"'@[]+:[^\s/"'@[]+@/i,
};

/** Names of the environment whose values are secrets. */
const SECRET_SETTINGS = /_(?:SECRET|KEY|KEYS|PASSWORD)$/;
/** More characters than that nobody writes by chance. */
const SHORTEST = 8;
/** Those that are made by the thousand are found by their form. */
const MOST_TOKENS = 500;

const known = new Map<string, string>();
let tokens = 0;

/** Remembers the secrets of this run, so that none is found in what a process of it has written. */
export function remember(what: string, ...secrets: readonly string[]): void {
  for (const secret of secrets) if (secret.length >= SHORTEST) known.set(secret, what);
}

/** What a process is told in its environment. */
export function rememberEnvironment(environment: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(environment)) {
    if (SECRET_SETTINGS.test(name)) remember(name, value, ...value.split(','));
    const { password } = name.endsWith('_URL') && URL.canParse(value) ? new URL(value) : { password: '' };
    remember(`the password in ${name}`, decodeURIComponent(password));
  }
}

/** What an answer gives away: tokens and cookies. */
export function rememberAnswer(setCookies: readonly string[], body: string): void {
  for (const cookie of setCookies) remember('the value of a cookie', /^[^=]*=([^;]*)/.exec(cookie)?.[1] ?? '');
  for (const [, token = ''] of body.matchAll(/"(?:access_token|refresh_token)":"([^"]+)"/g)) {
    // A part of it says as much as the whole.
    if (tokens++ < MOST_TOKENS) remember('the end of a token', token.slice(-24));
  }
}

/** @throws Error naming each line with a secret, and not the secret */
export function expectNoSecrets(name: string, lines: readonly string[]): void {
  const found = lines.flatMap((line, i) => {
    const secret = secretIn(line);
    return secret ? [`line ${i + 1}: ${secret.what}, in ${line.slice(0, Math.min(secret.at, 40))}…`] : [];
  });
  if (found.length > 0) throw new Error(`${name} has written secrets:\n${found.join('\n')}`);
}

function secretIn(line: string): { readonly what: string; readonly at: number } | undefined {
  for (const [what, form] of Object.entries(FORMS)) {
    const at = line.search(form);
    if (at >= 0) return { what, at };
  }
  for (const [secret, what] of known) {
    const at = line.indexOf(secret);
    if (at >= 0) return { what, at };
  }
  return undefined;
}

/** Listens to what the test itself is answered, so that it needn't be told of each token. */
export function overhearAnswers(): void {
  const { fetch } = globalThis;
  if (fetch.name === 'overheard') return;
  globalThis.fetch = async function overheard(...parameters: Parameters<typeof fetch>) {
    const answer = await fetch(...parameters);
    const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '');
    const isOfTokens = isJson && answer.ok && /\/(?:auth|oauth)\//.test(answer.url);
    rememberAnswer(answer.headers.getSetCookie(), isOfTokens ? await answer.clone().text() : '');
    return answer;
  };
}
