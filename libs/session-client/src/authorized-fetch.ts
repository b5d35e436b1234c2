import { type Session } from './session.js';
import { type Fetch } from './session-http.js';
import { SessionError } from './session-error.js';

export interface AuthorizedFetchSettings {
  readonly fetch: Fetch;
  /** What relative addresses are relative to. */
  readonly baseUrl: URL;
  /** Where the token may go. */
  readonly origins: ReadonlySet<string>;
  /** Answers of the API by which it says that it doesn't take the token. */
  readonly retryOn: ReadonlySet<number>;
}

/**
 * `fetch` with the session's token. An answer that refuses the token makes the session refresh once, and the request is
 * sent once more, if its body can be; the second answer is what counts.
 *
 * @returns a function that throws a SessionError if there is no token to send – and otherwise what `fetch` throws
 */
export function authorizedFetch(session: Session, { fetch, ...settings }: AuthorizedFetchSettings): Fetch {
  return async (input, init) => {
    const request = new OutgoingRequest(input, init, settings);
    const { generation } = session;
    /** Never sends what was begun as one user in the name of another. */
    const token = async (): Promise<string> => {
      const value = await session.accessToken();
      session.assertStill(generation);
      return value;
    };
    const first = await token();
    const answer = await request.send(fetch, first);
    if (!settings.retryOn.has(answer.status)) return answer;
    if (!session.refuse(first) || !request.canBeSentAgain) return answer;
    void answer.body?.cancel().catch(() => undefined);
    return request.send(fetch, await token());
  };
}

class OutgoingRequest {
  readonly #url: string;
  readonly #init: RequestInit;
  /** What was given in place of an address. */
  #request: Request | undefined;
  #sent = false;

  /** @throws SessionError `token_not_for_origin` */
  constructor(
    input: string | URL | Request,
    init: RequestInit = {},
    { baseUrl, origins }: Omit<AuthorizedFetchSettings, 'fetch'>,
  ) {
    // By its look: there are several Requests where there are several realms.
    const isRequest = typeof input === 'object' && 'url' in input;
    const url = new URL(isRequest ? input.url : input, baseUrl);
    if (!/^https?:$/.test(url.protocol) || !origins.has(url.origin)) {
      throw new SessionError('token_not_for_origin', `The access token is not for ${url.origin}.`);
    }
    this.#url = url.href;
    this.#request = isRequest ? input : undefined;
    this.#init = init;
  }

  /** A body that is a stream is gone once it was sent. */
  get canBeSentAgain(): boolean {
    return isRepeatable(this.#init.body);
  }

  send(fetch: Fetch, token: string): Promise<Response> {
    const request = this.#request;
    const headers = new Headers(this.#init.headers ?? request?.headers);
    headers.set('authorization', `Bearer ${token}`);
    // Followed, a redirect could lead the token elsewhere: not every runtime takes it off the request.
    const redirect = (this.#init.redirect ?? request?.redirect) === 'manual' ? 'manual' : 'error';
    // Its body can be read once. (Not every browser says whether there is one.)
    if (!this.#sent) this.#request = request?.clone();
    this.#sent = true;
    return fetch(request ?? this.#url, { ...this.#init, headers, redirect });
  }
}

const REPEATABLE = ['ArrayBuffer', 'Blob', 'File', 'FormData', 'SharedArrayBuffer', 'URLSearchParams'];

function isRepeatable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body)) return true;
  // By name: there are several of each where there are several realms, and none of some in some runtimes.
  return REPEATABLE.includes(Object.prototype.toString.call(body).slice('[object '.length, -1));
}
