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
export { trustDomain, trustDomainOf, verifierConfig } from './verifier-config';
export { createLogger, type Logger } from './logger';

// What is shared with auth
export { authIssuer } from './auth-issuer';
export { TOKEN_ALGORITHMS } from './token-algorithms';
export { connected, connectRedis, type RedisClient } from './redis';
export { openRevocations } from './revocations';

// HTTP
export { createHttpApp, type HttpAppOptions, MAX_BODY_BYTES } from './http-app';
export { takeBody } from './streamed-bodies';
export { HealthModule, type ReadinessChecks, type ReadinessFields } from './health.module';
export { MetricsModule, revocationMetrics } from './metrics.module';
export { ProblemException } from './problem-exception';
export { validate, validated } from './validation';

// The demo
export { type Hop, hopOf } from './hop';
