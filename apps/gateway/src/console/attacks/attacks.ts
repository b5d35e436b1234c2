import { algNone } from './alg-none';
import { type Attack } from './attack';
import { expired } from './expired';
import { foreignHost } from './foreign-host';
import { hsRsConfusion } from './hs-rs-confusion';
import { replayedRefresh } from './replayed-refresh';
import { spoofedHeaders } from './spoofed-headers';
import { tamperedClaims } from './tampered-claims';
import { unknownKid } from './unknown-kid';
import { wrongAudience } from './wrong-audience';

/** In the order in which they are shown: the token, whom it is for and when, and what stands beside it. */
export const ATTACKS: readonly Attack[] = Object.freeze([
  algNone,
  hsRsConfusion,
  tamperedClaims,
  unknownKid,
  wrongAudience,
  expired,
  replayedRefresh,
  spoofedHeaders,
  foreignHost,
]);
