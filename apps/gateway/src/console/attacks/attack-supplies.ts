import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { basicAuthorization, bindContext, tlsConnector, TokenRelay } from '@token-relay/jwt-guard';
import { ServiceTls } from '@token-relay/service-kit';
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Dispatcher, Pool } from 'undici';
import { z } from 'zod';
import { DEMO_ACCOUNTS, type DemoAccounts } from '../../demo/demo-accounts.controller';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config';
import { relayContractOf } from '../relay/relay-view-contracts';
import { textOf } from '../../text-of';
import { FrontDoor } from './front-door';
import { notReady } from './not-ready';

/** Longer than a refresh token that was replaced still gets its successor: 10 s (docs/sessions.md). */
const GRACE_MS = 10_500;
const MAX_ANSWER_BYTES = 64 * 1024;

const keySet = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });
const minted = z.object({ access_token: z.string().min(1) });

/** Where attacks get what they are made of, beside the caller's own token. In the demo only. */
@Injectable()
export class AttackSupplies implements OnApplicationShutdown {
  /** How long a thief has to wait until a refresh token that was replaced is a copy, in milliseconds. */
  readonly graceMs: number = GRACE_MS;
  readonly #auth: Pool;
  readonly #request: (options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>;
  readonly #authorization: string;

  constructor(
    @Inject(GATEWAY_CONFIG) config: Pick<GatewayConfig, 'AUTH_URL' | 'GATEWAY_CLIENT_SECRET' | 'UPSTREAM_TIMEOUT_MS'>,
    @Inject(DEMO_ACCOUNTS) private readonly accounts: DemoAccounts,
    @Inject(FrontDoor) private readonly door: FrontDoor,
    @Inject(TokenRelay) private readonly relay: TokenRelay,
    @Optional() @Inject(ServiceTls) tls?: ServiceTls,
  ) {
    const timeout = config.UPSTREAM_TIMEOUT_MS;
    const pool = new Pool(config.AUTH_URL, {
      connect: tlsConnector(tls?.client, Math.min(timeout, 3_000)),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    this.#auth = pool;
    this.#request = bindContext((options: Dispatcher.RequestOptions) => pool.request(options));
    this.#authorization = basicAuthorization('gateway', config.GATEWAY_CLIENT_SECRET);
  }

  /**
   * The account whose sessions an attack may end: the one that may do the least. Nobody loses more by it than that
   * one session.
   */
  get account(): DemoAccounts[number] {
    const [least] = [...this.accounts].sort((a, b) => a.scopes.length - b.scopes.length);
    if (least) return least;
    throw notReady('There is no demo account that an attack could be made with.');
  }

  /** The keys that the issuer publishes, by their names: anybody can have them. */
  async keySet(signal: AbortSignal): Promise<ReadonlyMap<string, KeyObject>> {
    const { text } = await this.door.send({ method: 'GET', path: '/.well-known/jwks.json', headers: {} }, signal);
    const { data } = keySet.safeParse(parsed(text));
    if (!data) throw notReady('The keys of the issuer can not be had at the moment.');
    return new Map(data.keys.map((key) => [key.kid, createPublicKey({ key: key as JsonWebKey, format: 'jwk' })]));
  }

  /** The current caller's token for resource, got as for a call of it. @throws as the relay does */
  async tokenForResource(): Promise<string> {
    const { authorization = '' } = await this.relay.relayHeaders(relayContractOf('exchange'));
    return authorization.replace(/^Bearer /, '');
  }

  /**
   * A token like this one, whose time is over: auth makes it, in development alone.
   *
   * @throws ProblemException 503 `attack_not_ready` where auth doesn't
   */
  async expiredToken(token: string, signal: AbortSignal): Promise<string> {
    const answer = await this.#request({
      method: 'POST',
      path: '/demo/expired-token',
      headers: { authorization: this.#authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ subject_token: token }).toString(),
      signal,
    }).catch((error: unknown) => {
      throw signal.aborted ? error : notReady('Auth can not be asked at the moment.');
    });
    const { data } = minted.safeParse(parsed(await textOf(answer.body, MAX_ANSWER_BYTES)));
    if (answer.statusCode === 200 && data) return data.access_token;
    throw notReady('Auth gives no expired tokens: it does so in development, with DEMO=1.');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#auth.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
