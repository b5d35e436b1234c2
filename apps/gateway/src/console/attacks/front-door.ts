import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { bindContext, tlsConnector } from '@token-relay/jwt-guard';
import { ServiceTls } from '@token-relay/service-kit';
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { type Dispatcher, Pool } from 'undici';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config';
import { textOf } from '../../text-of';
import { notReady } from './not-ready';

/** A request as an attacker writes it. */
export interface ForgedRequest {
  readonly method: 'GET' | 'POST';
  /** What stands in the request line: with a host in it, too. */
  readonly path: string;
  /** By names in lower case. `host` is sent as it is. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** Of a problem document. */
  readonly code?: string;
  readonly detail?: string;
  /** All of it. */
  readonly text: string;
  /** What it would put into the browser, each without its attributes. */
  readonly cookies: readonly string[];
}

/** Far more than anything has to say that is asked for here. */
const MAX_ANSWER_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * The gateway as whoever is outside reaches it: real requests, to the port that it listens on itself. Nothing is
 * followed, repaired or repeated on the way.
 */
@Injectable()
export class FrontDoor implements OnApplicationShutdown {
  #pool: Pool | undefined;
  /** Made outside of every call: a connection that is opened for one is kept for others. */
  readonly #request = bindContext((options: Dispatcher.RequestOptions) => this.#opened().request(options));

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(GATEWAY_CONFIG) private readonly config: Pick<GatewayConfig, 'UPSTREAM_TIMEOUT_MS'>,
    @Optional() @Inject(ServiceTls) private readonly tls?: ServiceTls,
  ) {}

  /** @throws ProblemException 503 `attack_not_ready` when there is no answer, or more than is taken */
  async send({ method, path, headers, body }: ForgedRequest, signal: AbortSignal): Promise<Answer> {
    const options = { method, path, headers: { ...headers }, signal, ...(body !== undefined && { body }) };
    try {
      const answer = await this.#request(options);
      const text = await textOf(answer.body, MAX_ANSWER_BYTES);
      return { status: answer.statusCode, ...problemIn(text), text, cookies: cookiesOf(answer.headers['set-cookie']) };
    } catch (error) {
      if (signal.aborted) throw error;
      const { code = 'no answer' } = error as NodeJS.ErrnoException;
      throw notReady(`The gateway can not be called as from outside: ${code}.`);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#pool?.destroy();
  }

  /** Which port it is shows when the gateway listens. */
  #opened(): Pool {
    if (this.#pool) return this.#pool;
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const { port } = server.address() as AddressInfo;
    const scheme = server instanceof TlsServer ? 'https' : 'http';
    // Long enough for an answer that the gateway itself has to wait for.
    const timeout = 2 * this.config.UPSTREAM_TIMEOUT_MS;
    this.#pool = new Pool(`${scheme}://127.0.0.1:${port}`, {
      connect: tlsConnector(this.tls?.client, CONNECT_TIMEOUT_MS),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    return this.#pool;
  }
}

function problemIn(text: string): Pick<Answer, 'code' | 'detail'> {
  try {
    const { code, detail } = (JSON.parse(text) ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
    return { ...(typeof code === 'string' && { code }), ...(typeof detail === 'string' && { detail }) };
  } catch {
    return {};
  }
}

function cookiesOf(header: string | string[] | undefined): readonly string[] {
  return [header ?? []].flat().map((cookie) => cookie.split(';', 1)[0] ?? '');
}
