import {
  type CopiedRevocations,
  RedisRevocations,
  RevocationFeed,
  type RevocationObserver,
} from '@token-relay/jwt-guard';
import { z } from 'zod';
import { type Logger } from './logger';
import { connectRedis } from './redis';
import { type ServiceTls } from './tls';

/** Where a service hears what was revoked: the issuer's feed, or its Redis, one or several nodes of a cluster. */
export const revocationsUrl = () =>
  z
    .string()
    .refine(
      (value) => value.split(',').every((part) => URL.canParse(part.trim())) && /^(https?|rediss?):/.test(value),
      'must be the http(s) URL of a feed, or a redis(s) URL',
    )
    .optional();

export interface RevocationsOptions {
  readonly ISSUER: string;
  readonly AUTH_URL: string;
  readonly REVOCATIONS_URL?: string | undefined;
  readonly DANGEROUSLY_ALLOW_HTTP: boolean;
}

/**
 * What this service hears of revocations: by auth's feed, unless it is told to read auth's Redis itself.
 *
 * @param client this service, as auth knows it
 * @param tls what the connection is secured with. Default: what Node trusts, and no certificate
 */
export function openRevocations(
  config: RevocationsOptions,
  client: { readonly id: string; readonly secret: string },
  logger: Pick<Logger, 'info' | 'warn'>,
  tls?: ServiceTls,
): CopiedRevocations {
  const { ISSUER: issuer, REVOCATIONS_URL: url = `${config.AUTH_URL}/revocations/feed` } = config;
  const observer: RevocationObserver = {
    followed: ({ entries }) => logger.info({ entries }, 'revocations are up to date'),
    lost: ({ reason }) => logger.warn({ reason }, 'revocations are not heard of any more'),
  };
  if (/^rediss?:/.test(url)) {
    // Why a connection has failed is told by whatever fails because of it.
    const connect = () => connectRedis(url, () => undefined, 'waiting', tls?.redis);
    return new RedisRevocations({ issuer, observer, connect });
  }
  const dangerouslyAllowHttp = config.DANGEROUSLY_ALLOW_HTTP;
  return new RevocationFeed({
    issuer,
    url,
    client,
    observer,
    dangerouslyAllowHttp,
    ...(tls?.client && { tls: tls.client }),
  });
}
