import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { z } from 'zod';
import { type Logger } from './logger';
import { connectRedis, type RedisClient } from './redis';
import { type ServiceTls } from './tls';

/** Where a service keeps what its users made: a Redis that all its replicas share. */
export const recordsUrl = () =>
  z
    .string()
    .refine(
      (value) => value.split(',').every((node) => /^rediss?:\/\/./.test(node.trim()) && URL.canParse(node.trim())),
      'must be a redis:// or rediss:// URL, or several joined by commas',
    )
    .optional();

/** A service's connection to its records, if they aren't in its memory. */
@Injectable()
export class Records implements OnApplicationShutdown {
  readonly redis: RedisClient | undefined;

  constructor(
    { RECORDS_URL: url }: { readonly RECORDS_URL?: string | undefined },
    logger: Pick<Logger, 'warn'>,
    tls?: ServiceTls,
  ) {
    if (url === undefined) {
      logger.warn('records are in the memory of this process: other replicas have others, and they are gone with it');
      return;
    }
    let isTold = false;
    const tell = (reason: string): void => {
      if (!isTold) logger.warn({ reason }, 'trouble with the Redis of RECORDS_URL');
      isTold = true;
    };
    this.redis = connectRedis(url, tell, 'commands', tls?.redis);
    this.redis.on('ready', () => (isTold = false));
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }
}
