import { ConfigError } from '@token-relay/service-kit';
import { loadAuthConfig } from './auth.config';

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

  it('needs neither with Redis, and takes both', () => {
    const { ISSUER, CLIENTS_FILE } = whole;
    const withRedis = { ISSUER, CLIENTS_FILE, REDIS_URL: 'redis://:p%40ss@redis.test:6379/1', KEY_ENCRYPTION_KEY: KEY };
    expect(problemsOf(withRedis)).toEqual([]);
    expect(loadAuthConfig(withRedis)).toMatchObject({ REDIS_URL: withRedis.REDIS_URL, SINGLE_AUTH: false });
    expect(loadAuthConfig({ ...withRedis, ...whole })).toMatchObject({ USERS_FILE: 'u', SINGLE_AUTH: true });
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
