import { type Principal } from '@token-relay/jwt-guard';
import { type NeverIssuedMetrics } from '@token-relay/service-kit';
import { type SigningKeys } from '../keys/signing-keys';
import { type RevocationLog } from '../revocation/revocation-log';
import { type AuthStore } from '../store/auth-store';
import { OwnTokens } from './own-tokens';

it('a principal that was verified elsewhere is not taken for one that still counts', () => {
  const tokens = new OwnTokens(
    { ISSUER: 'https://issuer.test' },
    {} as SigningKeys,
    {} as AuthStore,
    {} as RevocationLog,
    {} as NeverIssuedMetrics,
  );
  expect(() => tokens.recheck({ subject: 's' } as Principal)).toThrow(TypeError);
});
