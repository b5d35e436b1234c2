import { type Principal, type Revocation } from '@token-relay/jwt-guard';
import { RevocationWatch } from '@token-relay/service-kit';
import { HeardRevocationsController } from './heard-revocations.controller';

const RESOURCE = { subject: 'resource', clientId: 'resource', actor: [], sessionId: undefined } as unknown as Principal;
const VALUE = '0f8fad5b-d9cb-469f-a165-70867728950e';

describe('revocations.heard', () => {
  let hear: (entries: readonly Revocation[]) => void = () => undefined;
  const watch = new RevocationWatch({
    onRevoked: (told) => {
      hear = told;
      return () => undefined;
    },
  });
  const controller = new HeardRevocationsController(watch);

  it('tells resource itself what was heard, by its first characters, and how long ago', () => {
    hear([{ kind: 'sid', value: VALUE, until: 2_000_000_000 }]);
    const { heard } = controller.heard(RESOURCE);
    const [mark, agoMs] = [expect.any(String) as string, expect.any(Number) as number];
    expect(heard).toEqual([{ kind: 'sid', id: '0f8fad5b', mark, agoMs }]);
    expect(JSON.stringify(heard)).not.toContain(VALUE);
  });

  it.each([
    ['the gateway', { subject: 'gateway', clientId: 'gateway' }],
    ['resource for a user', { subject: VALUE, actor: ['resource'] }],
    ['a user', { subject: VALUE, clientId: 'gateway', sessionId: 's' }],
  ])('tells %s nothing', (_who, more) => {
    expect(() => controller.heard({ ...RESOURCE, ...more })).toThrow(
      expect.objectContaining({ code: 'actor_not_allowed' }) as Error,
    );
  });
});
