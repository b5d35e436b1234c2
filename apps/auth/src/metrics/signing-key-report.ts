import { type SigningKeyReport } from '@token-relay/service-kit';
import { activeKey } from '../keys/key-ring';
import { type SigningKeys } from '../keys/signing-keys';

/** What the metrics say of the ring. */
export function signingKeyReport(keys: SigningKeys, now = Date.now() / 1000): SigningKeyReport {
  const { activatedAt = now } = activeKey(keys.ring);
  return {
    states: keys.ring.keys.map(({ state }) => state),
    activeSeconds: now - activatedAt,
    rotationSeconds: keys.times.rotationSeconds,
    unconfirmedSeconds: keys.unconfirmedSeconds,
  };
}
