import { relayContractOf, relayViewContracts, serviceOfContract } from './relay-view-contracts';

const RESOURCE_URL = 'https://resource.test';

describe('the contracts of the relay view', () => {
  it('are one for each mode, to where resource is', () => {
    const contracts = relayViewContracts({ RESOURCE_URL, NODE_ENV: 'development', DANGEROUSLY_FORWARD: false });
    expect(Object.keys(contracts)).toEqual(['console-exchange', 'console-transaction', 'console-forward']);
    for (const [name, contract] of Object.entries(contracts)) {
      expect(contract).toMatchObject({ baseUrl: RESOURCE_URL, audience: 'resource' });
      expect(contract.scopes).toContain('documents:read');
      expect(name).toBe(relayContractOf(contract.mode as 'exchange'));
      expect(contract.dangerouslyForward).toBe(contract.mode === 'forward' ? true : undefined);
    }
  });

  it.each([
    ['in production', { NODE_ENV: 'production', DANGEROUSLY_FORWARD: false }, false],
    ['in production, where that is said', { NODE_ENV: 'production', DANGEROUSLY_FORWARD: true }, true],
    ['in a test', { NODE_ENV: 'test', DANGEROUSLY_FORWARD: false }, false],
  ] as const)('hand users’ tokens over %s: %j %s', (_where, config, isThere) => {
    expect(Object.hasOwn(relayViewContracts({ RESOURCE_URL, ...config }), 'console-forward')).toBe(isThere);
  });

  it('are none where nobody has said where resource is', () => {
    const config = { RESOURCE_URL: undefined, NODE_ENV: 'development', DANGEROUSLY_FORWARD: true } as const;
    expect(relayViewContracts(config)).toEqual({});
  });

  it.each([
    ['console-exchange', 'resource'],
    ['console-transaction', 'resource'],
    ['console-forward', 'resource'],
    ['resource', 'resource'],
    ['auth', 'auth'],
    ['console-other', 'console-other'],
    ['resource:forward', 'resource:forward'],
  ])('%s is told to people as %s', (contract, service) => {
    expect(serviceOfContract(contract)).toBe(service);
  });
});
