import { type ClientTlsOption, tlsConnector } from '@token-relay/jwt-guard';
import { StartRefused } from '@token-relay/service-kit';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { type Dependencies } from './gateway.config';

const LIMIT_MS = 20_000;
const POLL_MS = 200;
const PROBE_MS = 1_000;

export interface WaitOptions {
  /** What connections are secured with. Default: what Node trusts, and no certificate. */
  readonly tls?: ClientTlsOption | undefined;
  /** In milliseconds. Default: 20,000. */
  readonly limitMs?: number;
}

/**
 * Waits until each of these answers its readiness probe with 200 and its own name, and says so in a line. Whatever
 * starts the services together doesn't do it in order.
 *
 * @throws StartRefused after 20 s, naming what isn't ready and what was heard of it last
 */
export async function waitFor(
  dependencies: Dependencies,
  say: (line: string) => void,
  { tls, limitMs = LIMIT_MS }: WaitOptions = {},
): Promise<void> {
  const deadline = performance.now() + limitMs;
  const agent = new Agent({ connect: tlsConnector(tls, PROBE_MS) });
  const missing = await Promise.all(
    dependencies.map(async ({ name, url }) => {
      const heard = await pollUntilReady(name, url, deadline, agent);
      if (heard !== undefined) return `${name} (${url}: ${heard})`;
      say(`${name.padEnd(9)} ready  ${new URL(url).origin}`);
      return undefined;
    }),
  );
  await agent.close();
  const late = missing.filter((entry) => entry !== undefined);
  if (late.length > 0) throw new StartRefused(`not ready after ${limitMs / 1000} s: ${late.join(', ')}`);
}

/** Nothing once it is ready; else what was heard last. */
async function pollUntilReady(name: string, url: string, deadline: number, agent: Agent): Promise<string | undefined> {
  for (;;) {
    const heard = await probe(name, url, agent);
    if (heard === undefined || performance.now() + POLL_MS > deadline) return heard;
    await sleep(POLL_MS);
  }
}

async function probe(name: string, url: string, dispatcher: Agent): Promise<string | undefined> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PROBE_MS), dispatcher });
    const answer = await response.text();
    if (response.status !== 200) return `status ${response.status}`;
    // Users' tokens are going to be sent there: a stranger that answers everything with 200 must not get them.
    return answer.includes(`"service":"${name}"`) ? undefined : 'something else listens there';
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code ?? 'no answer';
  }
}
