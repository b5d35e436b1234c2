// Verify
export { TokenVerifier } from './core/token-verifier';
export {
  type IssuerOptions,
  type IssuerRules,
  type JwksIssuer,
  type JwksUriIssuer,
  type SharedSecretIssuer,
  type TokenVerifierOptions,
  type TransactionOptions,
} from './core/verifier-options';
export { type AlgorithmName, type SharedSecretAlgorithmName } from './core/algorithms';
export { type ProfileName } from './core/profiles';
export { type KeyReport, type UnusableKey } from './core/resolve-key';
export { type Ages } from './core/describe-token';
export { type RequestHeaders } from './core/authorization-header';
export {
  type CheckOutcome,
  type CheckTrace,
  type DecisionTrace,
  type StageName,
  type StageTrace,
} from './core/explain-token';
export {
  type ClockSkewEvent,
  type JwksFetchEvent,
  type RevocationFailureEvent,
  type VerificationEvent,
  type VerifierObserver,
} from './core/observer';
export { type JsonWebKeySet } from './core/verification-key';
export { type JwksCache, type KeptKeySet } from './core/jwks-cache';
export { type Principal } from './core/principal';
export { type Transaction } from './core/transaction';
export { type RevocationSource, type RevocationStats } from './core/check-revocation';
export { STALENESS_BOUND_SECONDS, type WhenStaleRule } from './core/staleness';
export {
  type BearerError,
  isRefusal,
  OUTAGE_CODES,
  type OutageCode,
  type Refusal,
  REJECTION_CODES,
  type RejectionCode,
  RETRY_AFTER_SECONDS,
  TokenRejected,
  VerifierUnavailable,
} from './core/refusals';
export { basicAuthorization } from './core/basic-authorization';
export { type ClientAssertion } from './core/client-assertion';
export { type ClientTls, type ClientTlsOption, tlsConnector } from './core/client-tls';
export { parseStrictObject } from './core/strict-json';
export { bearerChallenge } from './core/bearer-challenge';

// Revocation
export {
  type KeysChange,
  parseRevocationEntry,
  type Revocation,
  type RevocationEntry,
  type RevocationKind,
} from './revocation/revocation-entry';
export { RevocationList, type RevocationListOptions } from './revocation/revocation-list';
export { CopiedRevocations } from './revocation/copied-revocations';
export { RevocationCopy, type RevocationCopyOptions, type RevocationObserver } from './revocation/revocation-copy';
export { RevocationFeed } from './revocation/revocation-feed';
export { type FeedClient, type RevocationFeedOptions } from './revocation/feed-options';
export { RedisRevocations, type RedisRevocationsOptions } from './revocation/redis-revocations';
export { type RedisConnection } from './revocation/redis-connection';
export { RedisRevocationStream, REVOCATION_KEYS } from './revocation/redis-revocation-stream';
export { type RevocationStream, type StreamEvent, type StreamHead } from './revocation/revocation-stream';
export { type FollowerOptions, type FollowerSteps, StreamFollower } from './revocation/stream-follower';

// Guard
export { JwtGuardModule } from './nest/jwt-guard.module';
export { type JwtGuardOptions, type WebSocketOptions } from './nest/jwt-guard.options';
export { JwtGuard } from './nest/jwt.guard';
export { JwtStrategy } from './nest/jwt.strategy';
export { AcceptLate, Public, RequireActor, RequireScopes, RequireToken, WhenStale } from './nest/policy.decorators';
export { requireToken, type RouteToken } from './nest/require-token';
export { StandingWatch } from './nest/standing-watch';
export { CurrentPrincipal } from './nest/current-principal.decorator';
export { explainCurrentCall } from './nest/explain-current-call';
export { bearerToken } from './nest/bearer-token';
export { isAllowedOrigin, offeredProtocols, upgradeToken } from './nest/ws/upgrade-request';
export { type MetadataEntries, type RpcMetadataSource } from './nest/rpc-metadata';
export { type Problem, type RpcRefusal, toProblem, toRpcRefusal } from './nest/problem';
export { transactionIdOf } from './nest/call-state';
export { type CensusOptions, type PublicEntry } from './nest/census/census-options';
export { type PublicController } from './nest/handler-policy';
export { policyCensus } from './nest/census/census-taker';
export { type CensusRow, type PolicyCensus, PolicyCensusError } from './nest/census/policy-census';
export { isTransactionId, TRANSACTION_ID_HEADER } from './nest/transaction-id';

// Relay
export { RelayModule } from './relay/relay.module';
export {
  type DestinationContract,
  type DestinationName,
  type RelayDestinations,
  type RelayIssuer,
  type RelayModeName,
  type RelayOptions,
} from './relay/relay-options';
export { type TransactionRequest } from './relay/relay-mode';
export { type RelayReport } from './relay/relay-report';
export {
  type RelayCallEvent,
  type RelayCredentialsEvent,
  type RelayGrantEvent,
  type RelayObserver,
} from './relay/relay-observer';
export { type ClientSpan, type ClientSpanOptions, startClientSpan } from './relay/client-span';
export { type RelayBody } from './relay/answer-body';
export { type RelayResponse } from './relay/relay-answer';
export { type AbortSignalLike } from './relay/time-limit';
export { RelayHttpClient, type RelayRequest } from './relay/relay-http-client';
export { RelayClientProxy, type RelayMessageOptions } from './relay/relay-client-proxy';
export {
  type CarriedHeaders,
  type Load,
  type RpcCarrier,
  type RpcClient,
  type RpcTransport,
} from './relay/carriers/rpc-carrier';
export { isRelayed } from './relay/relayed-headers';
export { type PrepareOptions, type RelayHeaders, TokenRelay } from './relay/token-relay';
export {
  bindContext,
  currentPrincipal,
  currentRelayContext,
  type RelayContext,
  relayContextFor,
  relayContextOf,
  runAs,
} from './relay/relay-context';
