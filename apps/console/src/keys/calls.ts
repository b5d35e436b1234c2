/** What has come of the calls that go on while keys change. */
export interface Calls {
  readonly answered: number;
  readonly failed: number;
  /** By which key the token was signed that each service has got, in the order of the chain, from the first call on. */
  readonly services: readonly ServiceKeys[];
}

export interface ServiceKeys {
  readonly service: string;
  /** The latest last; it stands once for all calls in a row that had it. */
  readonly kids: readonly string[];
}

export const NO_CALLS: Calls = Object.freeze({ answered: 0, failed: 0, services: [] });

const KEPT_KIDS = 4;

/** @param kids of each service that has answered; none where the call failed */
export function callsNoted(
  { answered, failed, services }: Calls,
  kids: readonly (readonly [service: string, kid: string])[],
): Calls {
  if (kids.length === 0) return { answered, failed: failed + 1, services };
  return {
    answered: answered + 1,
    failed,
    services: kids.map(([service, kid]) => {
      const before = services.find((each) => each.service === service)?.kids ?? [];
      return { service, kids: before.at(-1) === kid ? before : [...before, kid].slice(-KEPT_KIDS) };
    }),
  };
}
