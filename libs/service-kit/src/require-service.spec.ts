import { type Principal } from '@token-relay/jwt-guard';
import { requireService } from './require-service';

const GATEWAY = { subject: 'gateway', clientId: 'gateway', actor: [], sessionId: undefined } as unknown as Principal;

describe('requireService', () => {
  it('lets in the service that calls for itself', () => {
    expect(() => requireService(GATEWAY, 'gateway')).not.toThrow();
  });

  it.each([
    ['another service', { subject: 'resource', clientId: 'resource' }],
    ['a user who came by it', { subject: '0f8fad5b-d9cb-469f-a165-70867728950e' }],
    ['a user of that name', { clientId: 'demo-native' }],
    ['one that another acts for', { actor: ['resource'] }],
    ['one with a session', { sessionId: 's' }],
  ])('refuses %s', (_who, more) => {
    expect(() => requireService({ ...GATEWAY, ...more }, 'gateway')).toThrow(
      expect.objectContaining({ code: 'actor_not_allowed' }) as Error,
    );
  });
});
