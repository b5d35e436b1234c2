import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Logger } from './logger';
import { connectRedisTelling, type RedisClient } from './redis';
import { type ServiceTls } from './tls';

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
    const tell = (reason: string): void => logger.warn({ reason }, 'trouble with the Redis of RECORDS_URL');
    this.redis = connectRedisTelling(url, tell, tls?.redis);
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }
}
