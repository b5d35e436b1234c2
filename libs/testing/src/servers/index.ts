export { NATS, startNats } from './nats-server';
export { RABBITMQ, startRabbitMq } from './rabbitmq-server';
export { type OwnRedis, REDIS, startOwnRedis, startRedis, startRedisCluster } from './redis-server';
export {
  describeWith,
  givenServer,
  onFreePort,
  type ServerCommand,
  ServerProcess,
  type ServerSettings,
  type TestServer,
} from './server-process';
export { type Overheard, TcpProxy } from './tcp-proxy';
