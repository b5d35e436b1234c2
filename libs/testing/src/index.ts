export { TestClock } from './test-clock';
export { generateTestKey, type PublicJwk, TEST_ALGORITHMS, type TestKey } from './test-key';
export { type Claims, type Header, TestIssuer, type TestIssuerOptions } from './test-issuer';
export { JwksServer } from './jwks-server';
export { RevocationFeedServer } from './revocation-feed-server';
export { type HostileToken, type Stage } from './hostile/hostile-token';
export { hostileTokens, type HostileTokenOptions } from './hostile-tokens';
export { type HostileTransaction, hostileTransactions, legitimateTransactions } from './hostile-transactions';
export { type LegitimateToken, legitimateTokens } from './legitimate-tokens';
