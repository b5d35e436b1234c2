// Verify
export { TokenVerifier } from './core/token-verifier';
export { type IssuerOptions, type TokenVerifierOptions } from './core/verifier-options';
export { type AlgorithmName } from './core/algorithms';
export { type JsonWebKeySet } from './core/verification-key';
export { type Principal } from './core/principal';
export { type RevocationSource } from './core/check-revocation';
export {
  isRefusal,
  type OutageCode,
  type Refusal,
  type RejectionCode,
  TokenRejected,
  VerifierUnavailable,
} from './core/refusals';

// Guard
export { JwtGuardModule } from './nest/jwt-guard.module';
export { type JwtGuardOptions } from './nest/jwt-guard.options';
export { JwtGuard } from './nest/jwt.guard';
export { JwtStrategy } from './nest/jwt.strategy';
export { Public, RequireActor, RequireScopes } from './nest/policy.decorators';
export { CurrentPrincipal } from './nest/current-principal.decorator';
export { type Problem, type RpcRefusal, toProblem, toRpcRefusal } from './nest/problem';
export { transactionIdOf } from './nest/request-state';
export { isTransactionId, TRANSACTION_ID_HEADER } from './nest/transaction-id';

// Relay
export { RelayModule } from './relay/relay.module';
export { type DestinationContract, type RelayOptions } from './relay/relay-options';
export { RelayHttpClient, type RelayRequest, type RelayResponse } from './relay/relay-http-client';
export { RelayClientProxy, type RpcClient } from './relay/relay-client-proxy';
export { type RelayHeaders, TokenRelay } from './relay/token-relay';
export { currentPrincipal, currentRelayContext, type RelayContext } from './relay/relay-context';
