import { post } from './system';

export interface Refreshed {
  readonly status: number;
  readonly code: string | undefined;
  readonly token: string;
  readonly retryAfter: string | null;
}

/** Longer than any answer may take. */
const PATIENCE_MS = 8_000;

/** What has a session, as a browser does: a cookie that only the server reads. */
export class Device {
  /** The refresh token. */
  cookie = '';

  /** @param url of the gateway, or of an auth */
  constructor(public url: string) {}

  /** @returns the access token */
  async login({ username, password }: { readonly username: string; readonly password: string }): Promise<string> {
    const answer = await post(`${this.url}/auth/login`, { username, password });
    const { access_token, code } = (await answer.json()) as Record<string, string>;
    if (access_token === undefined) throw new Error(`no login: ${answer.status} ${code}`);
    this.#keep(answer);
    return access_token;
  }

  async refresh(): Promise<Refreshed> {
    const answer = await this.send('POST', '/auth/refresh');
    const body = (await answer.json()) as Record<string, string>;
    const { status } = answer;
    return { status, code: body.code, token: body.access_token ?? '', retryAfter: answer.headers.get('retry-after') };
  }

  async send(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'x-token-relay': '1', ...(this.cookie && { cookie: `__Host-refresh=${this.cookie}` }), ...headers },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    this.#keep(answer);
    return answer;
  }

  /** Another tab, or a thief, which may come to another auth. */
  copy(url = this.url): Device {
    return Object.assign(new Device(url), { cookie: this.cookie });
  }

  #keep(answer: Response): void {
    const given = /^__Host-refresh=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
    if (given !== undefined) this.cookie = given;
  }
}
