import { StoreUnavailable } from '@token-relay/service-kit';
import { type Callers } from '../clients/callers';
import { type ClientRegistry } from '../clients/client-registry';
import { type Sessions } from '../sessions/sessions';
import { LoginController } from './login.controller';
import { type PasswordLogin } from './password-login';
import { type PasswordVerifier } from './password-verifier';

describe('a login that can not be finished', () => {
  const headers: Record<string, string> = {};
  const reply = { raw: { destroyed: false }, header: (name: string, value: string) => (headers[name] = value) };
  const request = { headers: { 'content-type': 'application/json' }, socket: {} };

  /** @returns the tokens whose sessions were ended */
  async function login(stillHolds: () => Promise<boolean>): Promise<[unknown, string[]]> {
    const ended: string[] = [];
    const begun = { accessToken: {}, refreshToken: 'rt_x', expiresAt: 1 };
    const controller = new LoginController(
      { addressOf: () => '192.0.2.1' } as unknown as Callers,
      { userOf: () => Promise.resolve({ sub: 's', scopes: [] }) } as unknown as PasswordLogin,
      { stillHolds } as unknown as PasswordVerifier,
      {} as ClientRegistry,
      {
        begin: () => Promise.resolve(begun),
        endBy: (token: string) => Promise.resolve(ended.push(token)),
      } as unknown as Sessions,
    );
    const outcome = await controller
      .login(request, { username: 'u', password: 'p' }, reply)
      .catch((error: unknown) => error);
    return [outcome, ended];
  }

  it('as the user was disabled meanwhile is refused, and leaves no session', async () => {
    const [outcome, ended] = await login(() => Promise.resolve(false));
    expect(outcome).toMatchObject({ code: 'invalid_credentials' });
    expect(ended).toEqual(['rt_x']);
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it('as that can not be told leaves no session either', async () => {
    const [outcome, ended] = await login(() => Promise.reject(new StoreUnavailable()));
    expect(outcome).toMatchObject({ code: 'store_unavailable' });
    expect(ended).toEqual(['rt_x']);
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it('is told from one that can', async () => {
    const [, ended] = await login(() => Promise.resolve(true));
    expect(ended).toEqual([]);
    expect(headers['set-cookie']).toContain('__Host-refresh=rt_x');
  });
});
