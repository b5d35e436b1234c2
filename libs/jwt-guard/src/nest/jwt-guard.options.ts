import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type JwtFromRequestFunction } from 'passport-jwt';
import { type TokenVerifierOptions } from '../core/verifier-options';
import { type CensusOptions } from './census/census-options';
import { type RpcMetadataSource } from './rpc-metadata';

export interface JwtGuardOptions extends TokenVerifierOptions {
  /**
   * Where a request's token is, as one of passport-jwt's `ExtractJwt` extractors. Default: the `Authorization`
   * header, exactly as RFC 6750, section 2.1 has it, and nowhere else.
   */
  readonly jwtFromRequest?: JwtFromRequestFunction<object>;
  /** `realm` of the challenges. Default: `api`. */
  readonly realm?: string;
  /**
   * What to do with what comes with a request besides its access token – transaction id, traceparent, locale, timeout,
   * and a transaction token –: `replace` it, which is right wherever clients connect, or `accept` it from the services of
   * the same system, where one hint that is malformed refuses the call. Default: `replace`.
   */
  readonly contextHints?: 'replace' | 'accept';
  /**
   * Where messages keep what they carry beside their data, on transports other than TCP, Redis, NATS and RabbitMQ.
   * Default: none.
   */
  readonly rpcMetadata?: readonly RpcMetadataSource[];
  /**
   * Whether a message may carry that around its data – `{ "token-relay": { "metadata": … }, "data": … }` – where its
   * transport has no place for it. Whoever may choose a message's data as a whole then chooses that as well, its token
   * included. Default: false, and such data are data.
   */
  readonly rpcEnvelopes?: boolean;
  /** How the sockets of gateways are opened. Default: as `WebSocketOptions` says. */
  readonly webSockets?: WebSocketOptions;
  /** What the start-up census makes of code that can't be decorated. Default: as `CensusOptions` says. */
  readonly census?: CensusOptions;
}

/** How the sockets of gateways are opened. */
export interface WebSocketOptions {
  /**
   * The origins whose pages may open a socket, as `https://app.example`; a client that is no browser sends none. Default:
   * the origin that the socket is opened at.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * How long a socket may be open without a token, in seconds, 0 to 60; with 0 it has to come with the request that opens
   * it. Default: 5.
   */
  readonly authenticateWithinSeconds?: number;
}

/** What a quoted string of a header can hold without escapes (RFC 9110, section 5.6.4). */
const QUOTABLE = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

/** @throws TypeError naming the option that makes no sense; those of the verifier are checked by it */
export function checkGuardOptions(options: JwtGuardOptions): void {
  const { jwtFromRequest, realm, contextHints, rpcMetadata = [], rpcEnvelopes = false, webSockets = {} } = options;
  if (realm !== undefined && !(typeof realm === 'string' && QUOTABLE.test(realm))) {
    throw new TypeError('realm: must be a text of ASCII without quotes and backslashes');
  }
  if (contextHints !== undefined && contextHints !== 'replace' && contextHints !== 'accept') {
    throw new TypeError('contextHints: must be replace or accept');
  }
  if (jwtFromRequest !== undefined && typeof jwtFromRequest !== 'function') {
    throw new TypeError('jwtFromRequest: must be a function');
  }
  if (!Array.isArray(rpcMetadata) || rpcMetadata.some((source) => typeof source !== 'function')) {
    throw new TypeError('rpcMetadata: must be a list of functions');
  }
  if (typeof (rpcEnvelopes as unknown) !== 'boolean') throw new TypeError('rpcEnvelopes: must be true or false');
  const { allowedOrigins, authenticateWithinSeconds: seconds = 5 } = webSockets;
  if (!Number.isFinite(seconds) || seconds < 0 || seconds > 60) {
    throw new TypeError('webSockets.authenticateWithinSeconds: must be a number from 0 to 60');
  }
  const isOrigin = (origin: unknown): boolean =>
    URL.canParse(String(origin)) && new URL(String(origin)).origin === origin;
  if (allowedOrigins !== undefined && !(Array.isArray(allowedOrigins) && allowedOrigins.every(isOrigin))) {
    throw new TypeError('webSockets.allowedOrigins: must be a list of origins, as https://app.example');
  }
}

export const { ConfigurableModuleClass: JwtGuardModuleBase, MODULE_OPTIONS_TOKEN: JWT_GUARD_OPTIONS } =
  new ConfigurableModuleBuilder<JwtGuardOptions>({ moduleName: 'JwtGuard' })
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
