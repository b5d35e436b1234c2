import { verifierMetrics } from '@token-relay/service-kit';
import { Registry } from 'prom-client';
import { type Contender } from '../harness/contender';
import { ownVerifier, type OwnSetting, warmBy } from './own';
import { readTokens } from './tokens';

/** With the observer of the services of this repository, which counts and measures every verification. */
export async function warmWithMetrics({ file }: OwnSetting): Promise<Contender> {
  return warmBy(ownVerifier(readTokens(file), { observer: verifierMetrics(new Registry()) }), file);
}
