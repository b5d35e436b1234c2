import { GATEWAY } from './gateway/part';
import { GROWTH } from './growth/part';
import { type Part } from './harness/part';
import { ISSUING } from './issuing/part';
import { ROUTE } from './route/part';
import { VERIFICATION } from './verification/part';

/** In the order of the results. */
export const PARTS: readonly Part[] = [VERIFICATION, ROUTE, ISSUING, GATEWAY, GROWTH];
