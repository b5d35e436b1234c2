import type * as Microservices from '@nestjs/microservices';
import { type RedisClient } from './redis-rejections';

/** Those of Nest's clients whose transports have ways of their own. */
export type NestClientName = 'ClientNats' | 'ClientRMQ' | 'ClientMqtt' | 'ClientKafka' | 'ClientGrpcProxy';

const NAMES: readonly NestClientName[] = ['ClientNats', 'ClientRMQ', 'ClientMqtt', 'ClientKafka', 'ClientGrpcProxy'];

/** Which of Nest's clients this is; `undefined` for one of TCP or Redis, and for an app's own. */
export function nestClientName(client: object): NestClientName | undefined {
  const nest = microservices();
  return nest && NAMES.find((name) => client instanceof nest[name]);
}

export function isRedisClient<Client extends object>(client: Client): client is Client & RedisClient {
  const nest = microservices();
  return nest !== undefined && client instanceof nest.ClientRedis;
}

/**
 * @returns the package that the client is of
 * @throws TypeError for the client of another transport
 */
export function packageOf(client: object, name: NestClientName, transport: string): typeof Microservices {
  const nest = microservices();
  if (nest && client instanceof nest[name]) return nest;
  throw new TypeError(`transport: "${transport}" needs Nest's ${name}, and this client is none`);
}

/** Whether it is one of the records in which Nest takes data with options of their transport. */
export function isRecord(data: unknown): data is object & { readonly data: unknown } {
  const nest = microservices();
  return nest !== undefined && [nest.NatsRecord, nest.RmqRecord, nest.MqttRecord].some((type) => data instanceof type);
}

/** An optional peer, so not loaded before it is needed; `undefined` where an app has clients without it. */
function microservices(): typeof Microservices | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- Jest as it comes can't do import() in CommonJS
    return require('@nestjs/microservices') as typeof Microservices;
  } catch {
    return undefined;
  }
}
