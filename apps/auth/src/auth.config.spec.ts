import { ConfigError } from '@token-relay/service-kit';
import { loadAuthConfig, loadStateConfig } from './auth.config';

const KEY = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErTyUiOpAsDfGh=';

describe('the configuration of auth', () => {
  const whole = { ISSUER: 'https://issuer.test', CLIENTS_FILE: 'c', USERS_FILE: 'u', SINGLE_AUTH: '1' };
  const problemsOf = (environment: Record<string, string>): string[] => {
    try {
      loadAuthConfig(environment);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ name, reason }) => `${name}: ${reason}`);
      throw error;
    }
    return [];
  };

  it('wants to know where clients and users are, and that there is one process if there is no Redis', () => {
    expect(problemsOf(whole)).toEqual([]);
    expect(problemsOf({ ISSUER: whole.ISSUER })).toEqual([
      'CLIENTS_FILE: is missing',
      'USERS_FILE: is missing',
      expect.stringMatching(
        /^SINGLE_AUTH: must be 1 where there is no REDIS_URL: .* in the memory of this one process$/,
      ),
    ]);
    expect(problemsOf({ ...whole, SINGLE_AUTH: '0' })).toHaveLength(1);
    expect(problemsOf({ ...whole, SINGLE_AUTH: '0', NODE_ENV: 'development' })).toEqual([]);
  });

  it('gives expired tokens away in development only', () => {
    expect(loadAuthConfig(whole).DEMO).toBe(false);
    expect(loadAuthConfig({ ...whole, DEMO: '1', NODE_ENV: 'development' }).DEMO).toBe(true);
    for (const NODE_ENV of ['production', 'test']) {
      expect(problemsOf({ ...whole, DEMO: '1', NODE_ENV })).toEqual(['DEMO: is 1, which is for development only']);
    }
  });

  it('needs neither with Redis, and takes both', () => {
    const { ISSUER, CLIENTS_FILE } = whole;
    const withRedis = { ISSUER, CLIENTS_FILE, REDIS_URL: 'redis://:p%40ss@redis.test:6379/1', KEY_ENCRYPTION_KEY: KEY };
    expect(problemsOf(withRedis)).toEqual([]);
    expect(loadAuthConfig(withRedis)).toMatchObject({ REDIS_URL: withRedis.REDIS_URL, SINGLE_AUTH: false });
    expect(loadAuthConfig({ ...withRedis, ...whole })).toMatchObject({ USERS_FILE: 'u', SINGLE_AUTH: true });
  });

  it('calls the trust domain what the issuer is called, unless it is told otherwise', () => {
    const issuedBy = (ISSUER: string, more = {}) => loadAuthConfig({ ...whole, ISSUER, ...more }).TRUST_DOMAIN;
    expect(issuedBy('https://issuer.test')).toBe('issuer.test');
    expect(issuedBy('http://localhost:3000')).toBe('localhost');
    expect(issuedBy('https://issuer.test', { TRUST_DOMAIN: 'shop.internal' })).toBe('shop.internal');
    for (const TRUST_DOMAIN of ['two words', 'a"b', 'x'.repeat(254), 'ü']) {
      expect(problemsOf({ ...whole, TRUST_DOMAIN })).toEqual([
        expect.stringMatching(/^TRUST_DOMAIN: must be of 1 to 253/),
      ]);
    }
    expect(problemsOf({ ...whole, TRUST_DOMAIN: 'x'.repeat(253) })).toEqual([]);
  });

  it.each([
    ['0', []],
    ['86400', []],
    ['86401', [expect.stringMatching(/^LATE_HANDLING_SECONDS: /)]],
    ['-1', [expect.stringMatching(/^LATE_HANDLING_SECONDS: /)]],
    ['1.5', [expect.stringMatching(/^LATE_HANDLING_SECONDS: /)]],
  ])('takes %s s for handling tokens late: %j', (LATE_HANDLING_SECONDS, problems) => {
    expect(problemsOf({ ...whole, LATE_HANDLING_SECONDS })).toEqual(problems);
  });

  it('does not let so many keys come that verifiers can not take them', () => {
    const late = { ...whole, LATE_HANDLING_SECONDS: '86400' };
    const tooMany = [
      'LATE_HANDLING_SECONDS: is too long for KEY_ROTATION_SECONDS: too many keys would have to be published',
    ];
    expect(problemsOf({ ...late, KEY_ROTATION_SECONDS: '893' })).toEqual([]);
    expect(problemsOf({ ...late, KEY_ROTATION_SECONDS: '892' })).toEqual(tooMany);
    expect(problemsOf({ ...whole, KEY_ROTATION_SECONDS: '60' })).toEqual([]);
    expect(() =>
      loadStateConfig({ ...late, REDIS_URL: 'redis://r.test', KEY_ENCRYPTION_KEY: KEY, KEY_ROTATION_SECONDS: '60' }),
    ).toThrow(ConfigError);
  });

  it.each([
    ['redis://redis.test', true],
    ['rediss://user:p@redis.test:6380', true],
    ['redis://a.test:1, redis://b.test:2', true],
    ['redis://', false],
    ['redis.test:6379', false],
    ['http://redis.test', false],
    ['redis://a.test,http://b.test', false],
  ])('takes %s for an address of Redis: %s', (address, taken) => {
    const problems = problemsOf({ ...whole, KEY_ENCRYPTION_KEY: KEY, REDIS_URL: address });
    expect(problems).toHaveLength(taken ? 0 : 1);
    expect(problems.join()).not.toMatch(/\.test/);
  });
});
