import { readFileSync } from 'node:fs';
import { Agent, fetch, type RequestInit, type Response } from 'undici';

export interface DemoAccount {
  readonly username: string;
  readonly password: string;
}

/**
 * A system that runs already, seen from outside. The environment says which:
 *
 * - `GATEWAY_URL`: where its gateway is; default https://localhost:3000
 * - `CA_FILE`: what the gateway's certificate is signed by; without it what Node trusts
 * - `ACCOUNTS_FILE`: the demo accounts that bootstrap made for it (`accounts.json`)
 */
export class Deployment {
  readonly url = process.env.GATEWAY_URL ?? 'https://localhost:3000';
  readonly accounts: readonly DemoAccount[];
  readonly #dispatcher: Agent;

  constructor() {
    const { CA_FILE, ACCOUNTS_FILE } = process.env;
    if (ACCOUNTS_FILE === undefined) throw new TypeError('ACCOUNTS_FILE: is missing');
    this.accounts = JSON.parse(readFileSync(ACCOUNTS_FILE, 'utf8')) as DemoAccount[];
    const ca = CA_FILE === undefined ? undefined : readFileSync(CA_FILE);
    this.#dispatcher = new Agent({ connect: { ca } });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { redirect: 'manual', dispatcher: this.#dispatcher, ...init });
  }

  /** With a token. */
  call(path: string, token: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` };
    return this.fetch(path, { ...init, headers });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** @returns the access token, and the cookie as it is to be sent back */
  async login(
    username: string,
  ): Promise<{ readonly token: string; readonly cookie: string; readonly setCookie: string }> {
    const account = this.accounts.find((one) => one.username === username);
    if (!account) throw new TypeError(`there is no demo account ${username}`);
    const answer = await this.post('/auth/login', account);
    if (answer.status !== 200) throw new Error(`login: ${answer.status} ${await answer.text()}`);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const setCookie = answer.headers.getSetCookie()[0] ?? '';
    return { token, cookie: setCookie.split(';', 1)[0] ?? '', setCookie };
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }
}
