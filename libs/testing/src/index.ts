export {
  type Claims,
  generateTestKey,
  type Header,
  JwksServer,
  TestClock,
  TestIssuer,
  type TestIssuerOptions,
  type TestKey,
} from './test-issuer';
export { type HostileToken, hostileTokens } from './hostile-tokens';
