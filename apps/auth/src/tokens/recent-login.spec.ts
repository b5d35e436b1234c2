import { type Principal } from '@token-relay/jwt-guard';
import { requireRecentLogin } from './recent-login';

const of = (claims: object) => ({ claims }) as Principal;

describe('what asks for a recent login', () => {
  it('takes one of 15 minutes ago, and none that is a second older', () => {
    expect(() => requireRecentLogin(of({ auth_time: 1_000 }), 1_900)).not.toThrow();
    expect(() => requireRecentLogin(of({ auth_time: 1_000 }), 1_901)).toThrow(
      expect.objectContaining({ code: 'login_too_old' }) as Error,
    );
  });

  it.each([{}, { auth_time: '1000' }, { auth_time: null }])('takes no token that does not say when: %j', (claims) => {
    expect(() => requireRecentLogin(of(claims), 1_000)).toThrow();
  });
});
