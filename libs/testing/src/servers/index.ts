export { NATS, startNats } from './nats-server';
export { RABBITMQ, startRabbitMq } from './rabbitmq-server';
export { REDIS, startRedis } from './redis-server';
export {
  describeWith,
  givenServer,
  onFreePort,
  type ServerCommand,
  ServerProcess,
  type ServerSettings,
  type TestServer,
} from './server-process';
