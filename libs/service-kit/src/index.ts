// Start and end
export { runService, type Service, StartRefused } from './run-service';
export {
  type CommonConfig,
  ConfigError,
  flag,
  loadConfig,
  type Mode,
  origin,
  port,
  rpcAddress,
  secret,
} from './config';
export { createLogger, type Logger } from './logger';

// HTTP
export { createHttpApp, type HttpAppOptions, MAX_BODY_BYTES } from './http-app';
export { HealthModule, type ReadinessChecks } from './health.module';
export { ProblemException } from './problem-exception';
export { validate, validated } from './validation';

// The demo
export { type Hop, hopOf } from './hop';
