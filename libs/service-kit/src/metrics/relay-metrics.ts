import {
  type DestinationContract,
  type RelayCallEvent,
  type RelayCredentialsEvent,
  type RelayGrantEvent,
  type RelayModeName,
  type RelayObserver,
} from '@token-relay/jwt-guard';
import { Counter, Histogram, type Registry } from 'prom-client';
import { ByTexts } from './by-texts';
import { type Count, Distribution, LabelledCounts } from './counts';
import { statusClass } from './http-labels';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const UNAUTHORIZED = 401;
const NO_CODE = 'none';

/** What is asked of the issuer for the calls of a mode. */
const GRANTS: Readonly<Record<RelayModeName, readonly RelayGrantEvent['grant'][]>> = {
  exchange: ['token_exchange'],
  transaction: ['transaction', 'client_credentials'],
  forward: [],
  none: [],
};

/** Whom a service calls: its relay contracts, and the trust domain of its transactions. */
export interface Relayed {
  readonly destinations: Readonly<Record<string, Pick<DestinationContract, 'mode' | 'audience'>>>;
  readonly trustDomain?: string | undefined;
}

/** How calls to other services, and the tokens for them, are going. Names are those of relay contracts. */
export function relayMetrics(registry: Registry, { destinations, trustDomain = '' }: Relayed): Required<RelayObserver> {
  const registers = [registry];
  const credentials = new LabelledCounts(
    registry,
    {
      name: 'token_relay_relay_credentials_total',
      help: 'What calls to other services were about to carry: a cached or a fetched token, or none.',
    },
    ['destination', 'mode', 'outcome', 'code'],
  );
  const fetchSeconds = new Histogram({
    name: 'token_relay_relay_credentials_duration_seconds',
    help: 'Time that calls waited for a token that was not cached.',
    labelNames: ['destination', 'mode'],
    buckets: SECONDS,
    registers,
  });
  const grants = new Counter({
    name: 'token_relay_relay_grants_total',
    help: 'Requests of this service to the token endpoint, by what came of them.',
    labelNames: ['grant', 'audience', 'outcome', 'code'],
    registers,
  });
  // Of a series that appears at 1 nobody sees that it has risen.
  for (const { mode, audience } of Object.values(destinations)) {
    for (const grant of GRANTS[mode]) {
      const whose = grant === 'transaction' ? trustDomain : audience;
      grants.inc({ grant, audience: whose, outcome: 'unavailable', code: 'exchange_unavailable' }, 0);
    }
  }
  const callSeconds = new Distribution(
    registry,
    {
      name: 'token_relay_relay_duration_seconds',
      help: 'Time that other services took to answer, by status class; or what went wrong with the call.',
    },
    SECONDS,
    [],
    ['destination', 'mode', 'result'],
  );
  const credentialsOf = new ByTexts<Count>();
  const callsOf = new ByTexts<number>();
  return {
    credentials({ destination, mode, outcome, code, durationSeconds }: RelayCredentialsEvent): void {
      const end = code === undefined ? outcome : `${outcome} ${code}`;
      credentialsOf.of(destination, mode, end, () =>
        credentials.series({ destination, mode, outcome, code: code ?? NO_CODE }),
      ).value++;
      if (outcome === 'fetched') fetchSeconds.observe({ destination, mode }, durationSeconds);
    },
    granted({ grant, audience, outcome, code }: RelayGrantEvent): void {
      grants.inc({ grant, audience, outcome, code: code ?? NO_CODE });
    },
    called(event: RelayCallEvent): void {
      const { destination, mode, durationSeconds } = event;
      const result = resultOf(event);
      const series = callsOf.of(destination, mode, result, () => callSeconds.series({ destination, mode, result }));
      callSeconds.add(durationSeconds, series);
    },
  };
}

/** A destination that refuses a token that was made for it is no matter of the caller’s. */
function resultOf({ outcome, mode, status, code }: RelayCallEvent): string {
  if (outcome === 'abandoned') return 'abandoned';
  if (outcome === 'failed') return code ?? 'failed';
  if (status === UNAUTHORIZED && mode !== 'none') return 'token_refused';
  return status === undefined ? '2xx' : statusClass(status);
}
