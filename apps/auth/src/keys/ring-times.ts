import { LONGEST_TOKEN_SECONDS } from '../revocation/kept-seconds';
import { type RingTimes } from './key-ring';

interface ConfiguredTimes {
  readonly JWKS_MAX_AGE_SECONDS: number;
  readonly KEY_ROTATION_SECONDS: number;
  readonly LATE_HANDLING_SECONDS: number;
}

/** The ring's times, as they are configured. */
export function ringTimes(config: ConfiguredTimes): RingTimes {
  return {
    jwksMaxAgeSeconds: config.JWKS_MAX_AGE_SECONDS,
    // Whatever is configured now: tokens of before, and of other auths, may live as long as any.
    longestTokenSeconds: LONGEST_TOKEN_SECONDS,
    lateHandlingSeconds: config.LATE_HANDLING_SECONDS,
    rotationSeconds: config.KEY_ROTATION_SECONDS,
  };
}
