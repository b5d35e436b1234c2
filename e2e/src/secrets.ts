/** What stands before a word: nothing of one, or an escaped character, as JSON and URLs have them. */
const BORDER = String.raw`(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[\da-f]{4})|(?<=%[\da-f]{2}))`;

/** What looks like a secret, wherever it stands. */
const FORMS: Readonly<Record<string, RegExp>> = {
  'a token': /eyJ[\w-]{8,}(?:\.|%2e)[\w-]{8,}/i,
  'a part of a token': /eyJ[\w-]{41,}/,
  'a refresh token': new RegExp(String.raw`${BORDER}rt_[\w-]{12,}`, 'i'),
  'the value of a cookie': /__(?:Host|Secure)-[\w-]+(?:=|%3d)[^\s;"'\\[]{4,}/i,
  'the authorization of a client': new RegExp(String.raw`${BORDER}(?:Basic|Bearer)(?: |%20|\+)[\w.~+/-]{16,}`, 'i'),
  'the hash of a password': /\$argon2[a-z]{1,2}\$/,
  'a password in an URL': /\b[a-z][a-z\d+.-]*:\/\/[^\s/"'@[]+:[^\s/"'@[]+@/i,
  'a private key': /-----BEGIN[A-Z\d %+]{1,40}PRIVATE/,
  'a private JWK': /"(?:d|dp|dq|k|p|q|qi)\\*":\s?\\*"[\w-]{22,}/,
};

/** Names of the environment whose values are secrets. */
const SECRET_SETTINGS = /_(?:SECRET|KEY|KEYS|PASSWORD)$/;
/** More characters than that nobody writes by chance. */
const SHORTEST = 8;
/** Those that are made by the thousand are found by their form. */
const MOST_TOKENS = 500;

/** How a secret may be written, and what it is. */
const known = new Map<string, string>();
let tokens = 0;

/**
 * Remembers the secrets of this run, so that none is found in what a process of it has written: as it is, as JSON and URLs
 * have it, and in base64, alone or as a part.
 */
export function remember(what: string, ...secrets: readonly string[]): void {
  for (const secret of secrets.filter(({ length }) => length >= SHORTEST)) {
    for (const text of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...inBase64(secret)]) {
      known.set(text, what);
    }
  }
}

/** What of it stands in the base64 of any text that has it: it may begin with any of the three bytes of a group. */
function inBase64(secret: string): string[] {
  return ['', '.', '..'].flatMap((before) => {
    const bytes = Buffer.from(before + secret);
    const from = Math.ceil((before.length * 4) / 3);
    // The first and the last may be of other bytes too.
    return (['base64', 'base64url'] as const).map((encoding) =>
      bytes.toString(encoding).slice(from, Math.floor((bytes.length * 4) / 3)),
    );
  });
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
  for (const cookie of setCookies) rememberAsItIs('the value of a cookie', /^[^=]*=([^;]*)/.exec(cookie)?.[1] ?? '');
  for (const [, token = ''] of body.matchAll(/"(?:access_token|refresh_token)":"([^"]+)"/g)) {
    // A part of it says as much as the whole.
    if (tokens++ < MOST_TOKENS) rememberAsItIs('the end of a token', token.slice(-24));
  }
}

/** There are many of them, each looked for in each line. */
function rememberAsItIs(what: string, secret: string): void {
  if (secret.length >= SHORTEST) known.set(secret, what);
}

/** @throws Error naming each line with a secret, and not the secret */
export function expectNoSecrets(name: string, lines: readonly string[]): void {
  const found = lines.flatMap((line, i) => {
    const secret = secretIn(line);
    return secret ? [`line ${i + 1}: ${secret.what}, in ${line.slice(0, Math.min(secret.at, 40))}…`] : [];
  });
  if (found.length > 0) throw new Error(`${name} has written secrets:\n${found.join('\n')}`);
}

/** What processes that haven't ended have written so far. */
const running = new Map<readonly string[], string>();
const findings: Error[] = [];

/**
 * Looks through what a process writes: when it has ended, and at the end of the test file that has started it, which fails
 * for whatever was found, whoever has heard of it before.
 *
 * @param lines that grow
 * @returns to be called when there will be no more lines; throws as `expectNoSecrets` does
 */
export function watchForSecrets(name: string, lines: readonly string[]): () => void {
  running.set(lines, name);
  return () => {
    running.delete(lines);
    try {
      expectNoSecrets(name, lines);
    } catch (error) {
      findings.push(error as Error);
      throw error;
    }
  };
}

/** @returns what was found so far; it is forgotten */
export function takeFindings(): Error[] {
  return findings.splice(0);
}

// Where there is no such thing, in scripts, whoever ends a process is told.
if (typeof afterAll === 'function') {
  afterAll(() => {
    for (const [lines, name] of running) expectNoSecrets(name, lines);
    const [first] = takeFindings();
    if (first) throw first;
  });
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
