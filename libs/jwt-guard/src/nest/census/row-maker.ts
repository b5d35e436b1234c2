import { type Type } from '@nestjs/common';
import { type HandlerPolicies, type HandlerPolicy, hasGuard } from '../handler-policy';
import { type JwtGuard } from '../jwt.guard';
import { ACCEPT_LATE, hasLostItsPolicy } from '../policy.decorators';
import { type PublicEntry, type ResolvedCensusOptions } from './census-options';
import { type FoundHandler } from './handlers';
import { type CensusRow } from './policy-census';

/** What of an app decides what its rows say. */
export interface RowRules {
  readonly policies: HandlerPolicies;
  readonly options: ResolvedCensusOptions;
  readonly guard: Type<JwtGuard>;
  /** False where somebody – a test – has put something else in the guard's place. */
  readonly guardIsOwn: boolean;
  readonly hasRevocation: boolean;
}

/** Whether Nest applies the guard somewhere, and if not, what would make it. */
export interface Guarded {
  readonly guarded: boolean;
  readonly remedy: string;
}

const VAIN_RULE = '@WhenStale counts only where a token is asked for, as does @AcceptLate: take it away';
const LATE_REMEDY = '@AcceptLate is for the handlers of events (@EventPattern): take it away';
const LATE_UNREVOKED =
  '@AcceptLate takes a revocation source: without one nobody knows what was revoked in the meantime';

/** Makes the rows of the census, whatever transport they are about. */
export class RowMaker {
  constructor(readonly rules: RowRules) {}

  /** Of a method of a class. */
  handler(transport: string, entry: string, found: FoundHandler, { guarded, remedy }: Guarded): CensusRow {
    const { controller, method, handler } = found;
    const { policies, options, guard } = this.rules;
    const policy = policies.of(controller, handler);
    const isGuarded = guarded || hasGuard(controller, handler, guard);
    const at = { transport, entry, handler: `${controller.name}.${method}` };
    const row = this.described(at, policy, { guarded: isGuarded, remedy });
    if (policy.kind !== 'token' && policy.hasVainRule) return none(row, VAIN_RULE);
    const late = this.#problemOfLate(found);
    if (late !== undefined) return none(row, late);
    if (hasLostItsPolicy(controller, method, handler))
      return none(row, 'another decorator has taken its policy away: put it above');
    const isUnsaid = policy.kind === 'token' && !policy.explicit && options.undecorated === 'refuse';
    return isUnsaid && row.policy === 'token' ? none(row, 'nobody has said who may call it: @RequireToken(), …') : row;
  }

  /** What is wrong with what a handler says of late events. */
  #problemOfLate(found: FoundHandler): string | undefined {
    const [onHandler, onClass] = [found.handler, found.controller].map((place) =>
      Reflect.hasMetadata(ACCEPT_LATE, place),
    );
    if (onClass) return LATE_REMEDY;
    if (!onHandler) return undefined;
    if (found.kind !== 'rpc' || !found.isEvent) return LATE_REMEDY;
    return this.rules.hasRevocation ? undefined : LATE_UNREVOKED;
  }

  /** Of anything that a policy is known of. */
  described(
    row: Pick<CensusRow, 'transport' | 'entry' | 'handler'>,
    policy: HandlerPolicy,
    { guarded, remedy }: Guarded,
  ): CensusRow {
    switch (policy.kind) {
      case 'public':
        return { ...row, policy: 'public', reason: policy.reason };
      case 'guard':
        return { ...row, policy: 'guard', guards: policy.guards };
      case 'token':
        if (!guarded && this.rules.guardIsOwn) return none(row, remedy);
        return {
          ...row,
          policy: 'token',
          scopes: policy.scopes,
          actors: policy.actors,
          ...(policy.whenStale !== undefined && { whenStale: policy.whenStale }),
          ...(policy.acceptLateSeconds !== undefined && { acceptLateSeconds: policy.acceptLateSeconds }),
        };
    }
  }

  /** Of what is registered past Nest. */
  pastNest(transport: string, entry: string): CensusRow {
    const opening = this.rules.options.entries.find((candidate) => covers(candidate, entry));
    if (opening) return { transport, entry, policy: 'public', reason: opening.reason };
    return none({ transport, entry }, 'it is registered past Nest: requireToken(), or an entry of census.public');
  }
}

export function none({ transport, entry, handler }: Omit<CensusRow, 'policy'>, problem: string): CensusRow {
  return { transport, entry, ...(handler === undefined ? {} : { handler }), policy: 'none', problem };
}

function covers({ entry: opening }: PublicEntry, entry: string): boolean {
  return opening.endsWith('*') ? entry.startsWith(opening.slice(0, -1)) : opening === entry;
}
