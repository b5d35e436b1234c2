import {
  type JwksFetchEvent,
  type RelayCallEvent,
  type RelayCredentialsEvent,
  type RelayObserver,
  type TokenVerifier,
  type VerificationEvent,
  type VerifierObserver,
} from '@token-relay/jwt-guard';
import { serviceOfContract } from '../relay/relay-view-contracts';
import { HEARD_CONTRACT } from './heard-contract';

/** What the console is told, by the names of its events. Holds no token; of whom or what was revoked a few characters. */
export interface ConsoleEvent {
  readonly name: 'verified' | 'exchange' | 'called' | 'keys' | 'revoked';
  readonly data: object;
}

/**
 * What goes on in this process, for whoever looks on. While nobody does, nothing is made of it: all of this is called on
 * the way of every request.
 */
export class ConsoleEvents {
  readonly #listeners = new Set<(event: ConsoleEvent) => void>();

  /** Whose keys it tells of, once the app is made. */
  verifier: Pick<TokenVerifier, 'keyReports'> | undefined;

  /** How many look on. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** @returns what ends it */
  listen(told: (event: ConsoleEvent) => void): () => void {
    this.#listeners.add(told);
    return () => void this.#listeners.delete(told);
  }

  tell(name: ConsoleEvent['name'], data: object): void {
    for (const told of this.#listeners) told({ name, data });
  }

  /** Has it told what a verifier does, besides whoever is told already. */
  besideVerifier(observer: VerifierObserver): VerifierObserver {
    return {
      ...observer,
      verified: (event) => {
        observer.verified?.(event);
        if (this.#listeners.size > 0) this.tell('verified', verifiedData(event));
      },
      jwksFetched: (event) => {
        observer.jwksFetched?.(event);
        // It is told when what was fetched counts already.
        if (this.#listeners.size > 0) this.tell('keys', { ...this.keys, ...fetchedData(event) });
      },
    };
  }

  /** The same of the relay. */
  besideRelay(observer: Required<RelayObserver>): Required<RelayObserver> {
    return {
      ...observer,
      credentials: (event) => {
        observer.credentials(event);
        if (this.#isShown(event)) this.tell('exchange', exchangeData(event));
      },
      called: (event) => {
        observer.called(event);
        if (this.#isShown(event)) this.tell('called', calledData(event));
      },
    };
  }

  /** The keys that this service takes a token by now. */
  get keys(): object {
    const reports = [...(this.verifier?.keyReports.values() ?? [])];
    const kids = reports.flatMap(({ usable }) => usable.map(({ kid }) => kid));
    const [ageSeconds] = reports.flatMap((report) => report.ageSeconds ?? []);
    return { service: 'gateway', kids, ...(ageSeconds !== undefined && { ageSeconds }) };
  }

  /** What the console asks for itself would only hide what it is to show. */
  #isShown({ destination }: Pick<RelayCallEvent, 'destination'>): boolean {
    return this.#listeners.size > 0 && destination !== HEARD_CONTRACT;
  }
}

function verifiedData({ outcome, code, cached, durationSeconds }: VerificationEvent): object {
  return { service: 'gateway', outcome, ...(code && { code }), cached, ms: milliseconds(durationSeconds) };
}

function fetchedData({ outcome, durationSeconds }: JwksFetchEvent): object {
  return { outcome, ms: milliseconds(durationSeconds) };
}

function exchangeData({ destination, mode, outcome, code, durationSeconds }: RelayCredentialsEvent): object {
  const service = serviceOfContract(destination);
  return { destination: service, mode, outcome, ...(code && { code }), ms: milliseconds(durationSeconds) };
}

function calledData({ destination, mode, outcome, status, code, durationSeconds }: RelayCallEvent): object {
  const end = { ...(status !== undefined && { status }), ...(code && { code }) };
  return { destination: serviceOfContract(destination), mode, outcome, ...end, ms: milliseconds(durationSeconds) };
}

/** To a hundredth: what is at hand takes some microseconds. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 100_000) / 100;
}
