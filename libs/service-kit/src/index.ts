// Start and end
export { runService, type Service, StartRefused } from './run-service';
export { Drain, DrainModule } from './drain';
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
export { TracingModule, type TracingModuleOptions } from './tracing/tracing.module';
export { ServiceTls, tlsClients, type TlsConfig, type TlsConnection } from './tls';
export { type Clients, secureServer, serverTls } from './tls-server';

// What is shared with auth
export { authIssuer } from './auth-issuer';
export { TOKEN_ALGORITHMS } from './token-algorithms';
export { connected, connectRedis, connectRedisTelling, type RedisClient, redisUrl } from './redis';
export { Records } from './records';
export { decided, StoreUnavailable } from './store-unavailable';
export { openRevocations } from './revocations';
export { type HeardRevocation, RevocationWatch, type WatchedRevocation } from './revocation-watch';
export { requireService } from './require-service';

// HTTP
export { createHttpApp, type HttpAppOptions, MAX_BODY_BYTES } from './http-app';
export { sendWhole } from './connection-headers';
export { takeBody } from './streamed-bodies';
export { isEndless } from './endless';
export { HealthModule } from './health.module';
export { Readiness, type ReadinessChecks, type ReadinessFields } from './readiness';
export { ProblemException } from './problem-exception';
export { validate, validated } from './validation';

// Metrics
export { MetricsModule, type MetricsSettings } from './metrics/metrics.module';
export { Management } from './metrics/management';
export { metricsRegistry, type Registry } from './metrics/registry';
export { verifierMetrics } from './metrics/verifier-metrics';
export { relayMetrics } from './metrics/relay-metrics';
export { openMetrics, type ServiceRoutes } from './metrics/gateway-metrics';
export { GrantMetrics } from './metrics/grant-metrics';
export { LoginMetrics } from './metrics/login-metrics';
export { NeverIssuedMetrics } from './metrics/never-issued-metrics';
export { RefreshMetrics, type RefreshResult } from './metrics/refresh-metrics';
export { type SigningKeyReport, signingKeyMetrics } from './metrics/signing-key-metrics';

// The demo
export { explainCalls, ExplainedCalls } from './explained-calls';
export { type Hop, hopOf } from './hop';
