import { type Fetch } from '../src/session-http.js';

export interface Call {
  readonly route: string;
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
  readonly body: string;
  /** Of the `Authorization` header. */
  readonly token: string | undefined;
}

export type Answer = (call: Call, signal: AbortSignal | undefined) => Response | Promise<Response>;

export function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return json(status, { type: 'about:blank', status, code }, headers);
}

/** An answer that comes when the test says so, or never, unless the caller gives up. */
export class Held {
  readonly #opened: Promise<void>;
  #open = (): void => undefined;

  constructor(private readonly answer: Answer) {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#open();
  }

  get whenReleased(): Answer {
    return async (call, signal) => {
      const answer = await this.answer(call, signal);
      const aborted = new Promise<never>((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error)),
      );
      aborted.catch(() => undefined);
      await Promise.race([this.#opened, aborted]);
      return answer;
    };
  }
}

/** A gateway with one user, whose cookie it keeps itself, as browsers do: what it answers is what was agreed on. */
export class FakeGateway {
  readonly calls: Call[] = [];
  /** Whether the browser has a cookie that is good. */
  session = false;
  lifeSeconds = 300;
  /** Tokens that the API takes. */
  readonly accepted = new Set<string>();
  /** Answers that come in the place of the next ones, by route. */
  readonly next = new Map<string, Answer[]>();
  #issued = 0;

  readonly fetch: Fetch = async (input, init = {}) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const route = `${request.method} ${pathname}${search}`;
    const [, token] = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '') ?? [];
    const call = { route, url: request.url, init, headers: request.headers, body: await request.text(), token };
    this.calls.push(call);
    init.signal?.throwIfAborted();
    const answer = this.next.get(route)?.shift() ?? ((own: Call) => this.answer(own));
    return answer(call, init.signal ?? undefined);
  };

  /** Answers once, in place of the gateway. */
  once(route: string, answer: Answer): void {
    this.next.set(route, [...(this.next.get(route) ?? []), answer]);
  }

  /** The answer to the next call of this route has been made, and waits. */
  hold(route: string): Held {
    const held = new Held((call) => this.answer(call));
    this.once(route, held.whenReleased);
    return held;
  }

  count(route: string): number {
    return this.calls.filter((call) => call.route === route).length;
  }

  get refreshes(): number {
    return this.count('POST /auth/refresh');
  }

  answer({ route, body, token }: Call): Response {
    switch (route) {
      case 'POST /auth/login':
        if (!body.includes('"password":"right"')) return problem(401, 'invalid_credentials');
        this.session = true;
        return this.grant();
      case 'POST /auth/refresh':
        return this.session ? this.grant() : problem(401, 'refresh_token_missing');
      case 'POST /auth/logout':
      case 'DELETE /auth/sessions':
        this.session = false;
        this.accepted.clear();
        return new Response(null, { status: 204 });
      case 'DELETE /auth/sessions?except=current':
        this.accepted.clear();
        return new Response(null, { status: 204 });
      default:
        return this.accepted.has(token ?? '') ? json(200, { token, body }) : problem(401, 'token_invalid');
    }
  }

  grant(): Response {
    const token = `token-${++this.#issued}`;
    this.accepted.add(token);
    return json(200, { access_token: token, token_type: 'Bearer', expires_in: this.lifeSeconds, scope: '' });
  }
}
