export { NATS, startNats } from './nats-server';
export { RABBITMQ, startRabbitMq } from './rabbitmq-server';
export {
  type OwnRedis,
  REDIS,
  startOwnRedis,
  startRedis,
  startRedisCluster,
  startTlsRedis,
  type TlsFiles,
} from './redis-server';
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
export { MountedSecret, selfSigned, TestCa, type TestCertificate, type Validity } from './test-ca';
