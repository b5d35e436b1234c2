import { Agent, type Dispatcher, interceptors } from 'undici';
import { Refused } from '../refused';
import { type Contents, type Secret } from '../secrets';
import { type Place } from './place';
import { type ServiceAccount } from './service-account';

const LABELS = { 'app.kubernetes.io/part-of': 'token-relay', 'app.kubernetes.io/managed-by': 'bootstrap' };

export interface KubernetesLimits {
  /** How long the API server may take for an answer, in milliseconds. Default: 10 000. */
  readonly answerMs?: number;
  /** How long all of that may take together, with what is sent again, in milliseconds. Default: 120 000. */
  readonly callMs?: number;
  /** How often a request is sent again that it could not answer. Default: 5. */
  readonly retries?: number;
  /** How long it is left alone before the first of them, in milliseconds, and then twice as long. Default: 500. */
  readonly firstDelayMs?: number;
}

/** The two calls of the Kubernetes API that it takes: to read a Secret of the namespace, and to create one. */
export class KubernetesPlace implements Place {
  readonly #dispatcher: Dispatcher;
  readonly #callMs: number;

  constructor(
    private readonly account: ServiceAccount,
    { answerMs = 10_000, callMs = 120_000, retries = 5, firstDelayMs = 500 }: KubernetesLimits = {},
  ) {
    this.#callMs = callMs;
    this.#dispatcher = new Agent({
      connect: { ca: account.ca, timeout: answerMs },
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
    }).compose(
      interceptors.retry({
        maxRetries: retries,
        minTimeout: firstDelayMs,
        maxTimeout: 20 * firstDelayMs,
        // To create one twice is harmless: the second is a 409, and what is there is read.
        methods: ['GET', 'POST'],
        statusCodes: [429, 500, 502, 503, 504],
        errorCodes: [
          ...['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'EPIPE'],
          ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'],
        ],
        throwOnError: false,
      }),
    );
  }

  async read(secret: Secret): Promise<Partial<Contents> | undefined> {
    const { status, body } = await this.#call('GET', secret, `/${secret.name}`);
    if (status === 404) return undefined;
    if (status !== 200) throw refusal('read', secret, status, body);
    if (!isSecret(body, secret.name))
      throw new Refused(`${secret.name}: what the API server answers is no such Secret`);
    const texts = Object.entries(body.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
    return Object.fromEntries(texts) as Contents;
  }

  async create(secret: Secret, contents: Contents): Promise<boolean> {
    const data = Object.entries(contents).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    const { status, body } = await this.#call('POST', secret, '', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret.name, labels: LABELS },
      type: secret.type ?? 'Opaque',
      data: Object.fromEntries(data) as unknown,
    });
    if (status === 201) return true;
    if (status === 409) return false;
    throw refusal('create', secret, status, body);
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async #call(method: 'GET' | 'POST', { name }: Secret, path: string, object?: object) {
    const { server, namespace, token } = this.account;
    try {
      const answer = await this.#dispatcher.request({
        origin: server,
        path: `/api/v1/namespaces/${namespace}/secrets${path}`,
        method,
        headers: {
          authorization: `Bearer ${await token()}`,
          accept: 'application/json',
          ...(object && { 'content-type': 'application/json' }),
        },
        body: object ? JSON.stringify(object) : null,
        signal: AbortSignal.timeout(this.#callMs),
      });
      return { status: answer.statusCode, body: parsed(await answer.body.text()) };
    } catch (cause) {
      const { code, name: kind } = cause as NodeJS.ErrnoException;
      // A message may hold what was sent.
      const what = typeof code === 'string' ? code : kind;
      throw new Refused(`${name}: the API server at ${server} does not answer: ${what}`, { cause });
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // As of a proxy on the way: its status says enough.
    return undefined;
  }
}

function isSecret(body: unknown, name: string): body is { readonly data?: Readonly<Record<string, string>> | null } {
  if (typeof body !== 'object' || body === null) return false;
  const { data, metadata } = body as {
    readonly data?: unknown;
    readonly metadata?: { readonly name?: unknown } | null;
  };
  if (metadata?.name !== name) return false;
  if (data === undefined || data === null) return true;
  return typeof data === 'object' && Object.values(data).every((value) => typeof value === 'string');
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'it does not know the token of this service account',
  403: 'the Role of this service account does not allow it',
  404: 'there is no such namespace',
};

/** Of what the API server says only the word for it: its messages may quote what they were sent. */
function refusal(verb: string, { name }: Secret, status: number, body: unknown): Refused {
  const { reason = '' } = (body ?? {}) as { reason?: string };
  const what = HINTS[status] ?? (/^[A-Za-z]{1,40}$/.test(reason) ? reason : 'it does not say why');
  return new Refused(`${name}: the API server refuses to ${verb} it with ${status}: ${what}`);
}
