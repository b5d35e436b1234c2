import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import { basicAuthorization } from '../core/basic-authorization';
import { assertionParameters } from '../core/client-assertion';
import { connectorWith, type CurrentContext } from '../core/client-tls';
import { TokenRejected, VerifierUnavailable } from '../core/refusals';
import { TRACEPARENT_HEADER } from '../nest/context-hints';
import { TRANSACTION_ID_HEADER } from '../nest/transaction-id';
import { isConnectionLost } from './connection-errors';
import { type ClientSpan } from './client-span';
import { currentCall, runInContext } from './relay-context';
import { observedGrant, type RelayObserver } from './relay-observer';
import { type RelayIssuer } from './relay-options';
import { grantSpan } from './relay-spans';

const TIMEOUT_MS = 3_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 128;
/** What can stand behind `Bearer` (RFC 6750, section 2.1). */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

export interface GrantedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** What the issuer is asked for: the form, and what the answer has to say that it is. */
export interface Grant {
  readonly form: Readonly<Record<string, string>>;
  /** `token_type` of the answer: `N_A` for what is no access token (RFC 8693, section 2.2.1). */
  readonly tokenType: 'bearer' | 'n_a';
}

/** The issuer's token endpoint (RFC 6749, section 3.2), as the client that this service is. */
export class TokenEndpoint {
  readonly #issuer: RelayIssuer;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pool: Pool;

  constructor(
    issuer: RelayIssuer,
    private readonly observer?: RelayObserver,
    tls?: CurrentContext,
  ) {
    const { clientId, clientSecret } = issuer;
    this.#issuer = issuer;
    this.#headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(clientSecret !== undefined && { authorization: basicAuthorization(clientId, clientSecret) }),
    };
    const { origin, pathname, search } = new URL(issuer.tokenEndpoint);
    this.#path = pathname + search;
    this.#pool = new Pool(origin, { connections: MAX_CONNECTIONS, connect: connectorWith(tls, TIMEOUT_MS) });
  }

  /**
   * @throws TokenRejected `exchange_refused` when the issuer refuses the subject token, `insufficient_scope` when it
   *   holds none of the scopes that were asked for
   * @throws VerifierUnavailable `exchange_unavailable`
   */
  grant(grant: Grant): Promise<GrantedToken> {
    return observedGrant(this.observer, grant.form, () => this.#grant(grant));
  }

  async #grant({ form, tokenType }: Grant): Promise<GrantedToken> {
    const { status, body } = await this.#post(form);
    if (status === 200) {
      const { access_token: token, token_type: type, expires_in: expiresIn, issued_token_type: issued } = body;
      const usable = typeof token === 'string' && B64TOKEN.test(token) && String(type).toLowerCase() === tokenType;
      // Not every issuer says so; but one that says something else has given something else.
      const isAsked =
        issued === undefined || form.requested_token_type === undefined || issued === form.requested_token_type;
      if (usable && isAsked && typeof expiresIn === 'number' && expiresIn > 0)
        return { token, expiresInSeconds: expiresIn };
      throw unavailable('the answer holds no token of the type that was asked for');
    }
    const { error, error_description: description } = body;
    // What the issuer says of the subject token is the caller's matter; all the rest is ours, or its.
    if (status === 400 && form.subject_token !== undefined) {
      if (error === 'invalid_scope') {
        throw new TokenRejected('insufficient_scope', { requiredScopes: (form.scope ?? '').split(' ') });
      }
      if (error === 'invalid_request') throw new TokenRejected('exchange_refused', { debug: shown(description) });
    }
    throw unavailable(`answered with status ${status}: ${shown(error)}, ${shown(description)}`);
  }

  async close(): Promise<void> {
    if (this.#pool.closed) return;
    const closed = this.#pool.close().then(() => true);
    if (!(await Promise.race([closed, sleep(TIMEOUT_MS, false, { ref: false })]))) await this.#pool.destroy();
  }

  async #post(form: Grant['form']) {
    const span = grantSpan(this.#issuer.tokenEndpoint, form);
    const headers = { ...this.#headers, ...hintsOf(span) };
    const controller = new AbortController();
    // A timer of our own, and not AbortSignal.timeout(), whose signal may be garbage before its time on Node 20.
    const timer = setTimeout(() => controller.abort(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    try {
      const response = await this.#send(form, headers, controller.signal).catch((error: unknown) => {
        // Kept open for too long, say. What is asked for again is given again, and hurts nobody.
        if (!isConnectionLost(error)) throw error;
        return this.#send(form, headers, controller.signal);
      });
      const answer = { status: response.statusCode, body: await jsonObject(response.body) };
      span?.answered(answer.status);
      return answer;
    } catch (cause) {
      const failure = new VerifierUnavailable('exchange_unavailable', { cause });
      span?.failed(failure);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(
    form: Grant['form'],
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { clientId, clientAssertion } = this.#issuer;
    const assertion = clientAssertion && (await assertionParameters(clientId, clientAssertion, TIMEOUT_MS));
    const body = new URLSearchParams({ ...form, ...assertion }).toString();
    // A connection lives on, for others: it must not keep the context of the call that it is opened for.
    return runInContext(undefined, () =>
      this.#pool.request({ method: 'POST', path: this.#path, headers: { ...headers }, body, signal }),
    );
  }
}

/** By which the issuer can name the call in its logs, and put what it does into the same trace. */
function hintsOf(span: ClientSpan | undefined): Readonly<Record<string, string>> {
  const call = currentCall();
  const traceparent = span?.traceparent ?? call?.traceparent;
  return {
    ...(call && { [TRANSACTION_ID_HEADER]: call.transactionId }),
    ...(traceparent !== undefined && { [TRACEPARENT_HEADER]: traceparent }),
  };
}

/** @throws Error when it is something else, or too large */
async function jsonObject(body: AsyncIterable<Buffer>): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new Error('the answer is no JSON object');
  return value as Record<string, unknown>;
}

/** For the log. */
function shown(text: unknown): string {
  return typeof text === 'string' ? text.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, ' ') : 'nothing said';
}

function unavailable(debug: string): VerifierUnavailable {
  return new VerifierUnavailable('exchange_unavailable', { debug });
}
