import { loadGatewayConfig } from './gateway.config';

const ENVIRONMENT = {
  ISSUER: 'https://issuer.test',
  AUTH_URL: 'https://auth.test',
  RESOURCE_URL: 'https://resource.test',
  GATEWAY_CLIENT_SECRET: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT',
};
const load = (environment: Record<string, string | undefined>) => loadGatewayConfig({ ...ENVIRONMENT, ...environment });

describe("the gateway's configuration", () => {
  it('relays by exchange, in the trust domain of the issuer, unless it is told otherwise', () => {
    expect(load({})).toMatchObject({ RELAY_MODE: 'exchange', TRUST_DOMAIN: 'issuer.test' });
    expect(load({ RELAY_MODE: 'transaction', TRUST_DOMAIN: 'other' })).toMatchObject({
      RELAY_MODE: 'transaction',
      TRUST_DOMAIN: 'other',
    });
  });

  it.each([
    ['in development', { NODE_ENV: 'development' }],
    ['where that is said', { DANGEROUSLY_FORWARD: '1' }],
  ])('forwards tokens %s', (_where, environment) => {
    expect(load({ RELAY_MODE: 'forward', ...environment }).RELAY_MODE).toBe('forward');
  });

  it.each([
    ['forward in production', { RELAY_MODE: 'forward' }, 'RELAY_MODE: is forward, which hands users’ tokens'],
    ['forward in a test', { RELAY_MODE: 'forward', NODE_ENV: 'test' }, 'RELAY_MODE: is forward'],
    ['a mode that is none', { RELAY_MODE: 'none' }, 'RELAY_MODE: must be one of exchange, transaction, forward'],
    ['another word for the console', { CONSOLE: 'yes' }, 'CONSOLE: must be 0 or 1'],
    ['no resource', { RESOURCE_URL: undefined }, 'RESOURCE_URL: is missing'],
  ])('is refused with %s', (_what, environment, message) => {
    expect(() => load(environment)).toThrow(message);
  });

  it.each([
    [undefined, undefined],
    ['0', false],
    ['1', true],
  ])('knows whether anybody has said that there is to be a console: %s', (CONSOLE, is) => {
    expect(load({ CONSOLE }).CONSOLE).toBe(is);
  });

  it('need not say where resource is when a table may', () => {
    expect(load({ RESOURCE_URL: undefined, ROUTES_FILE: 'routes.json' }).RESOURCE_URL).toBeUndefined();
  });
});
