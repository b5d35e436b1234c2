import { checkRevocation } from './check-revocation';
import { checkTimes } from './check-times';
import { decodeToken } from './decode-token';
import { type Ages, ages, escaped, redacted } from './describe-token';
import { type Principal } from './principal';
import { type Code, isRefusal, TokenRejected } from './refusals';
import { type KeyReport, resolveKey } from './resolve-key';
import { selectIssuer } from './select-issuer';
import { hintsFor } from './token-hints';
import { ACCESS_TOKEN } from './token-kinds';
import { type AttributedToken, type Members, type RawToken, type UnverifiedToken } from './token-states';
import {
  type Check,
  claimsChecks,
  decodeChecks,
  issuerChecks,
  keyChecks,
  revocationChecks,
  signatureChecks,
} from './trace-checks';
import { validateClaims } from './validate-claims';
import { type VerifierPolicy } from './verifier-options';
import { verifySignature } from './verify-signature';

export type StageName =
  'decode' | 'select_issuer' | 'resolve_key' | 'verify_signature' | 'validate_claims' | 'check_revocation';

export type CheckOutcome = 'passed' | 'failed' | 'skipped';

/** One thing that a stage looks at. */
export interface CheckTrace {
  readonly check: string;
  readonly outcome: CheckOutcome;
  /** Why it failed. */
  readonly code?: Code;
  readonly expected: string;
  /** What the token has, as JSON where it is a claim or a header parameter. */
  readonly actual: string;
}

export interface StageTrace {
  readonly stage: StageName;
  /** `skipped`: a stage before it failed. Its checks may have been made all the same, on claims that nobody verified. */
  readonly outcome: CheckOutcome;
  readonly code?: Code;
  /** Of the check that failed. */
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
  /** How long it took, in milliseconds, to a hundredth; absent where it was skipped. */
  readonly ms?: number;
  readonly checks: readonly CheckTrace[];
}

/** Why a token is accepted, refused, or neither, for whoever holds it. */
export interface DecisionTrace {
  readonly outcome: 'accepted' | 'rejected' | 'undecided';
  readonly code?: Code;
  /** What the code says. */
  readonly reason?: string;
  /** HTTP status of the answer that the code leads to. */
  readonly status?: number;
  readonly stages: readonly StageTrace[];
  /** What could be the cause, and what would help; not proven. */
  readonly hints: readonly string[];
  readonly token: {
    /** Without its signature. */
    readonly redacted: string;
    readonly bytes: number;
    /** Whether header and claims were verified; otherwise anybody may have written them. */
    readonly verified: boolean;
    readonly header?: Members;
    readonly claims?: Members;
  };
  /** Age and time left, in seconds and in words. */
  readonly times?: Ages;
  /** The issuer's keys, where they came from, and the one that the token names. */
  readonly key?: KeyReport & { readonly kid: string };
  readonly principal?: Principal;
}

/** Runs every stage as `verifyToken` does, and writes down what it looked at. */
export async function explainToken(raw: RawToken, policy: VerifierPolicy): Promise<DecisionTrace> {
  const now = policy.now();
  const trace = new Trace();
  const unverified = await trace.stage(
    'decode',
    () => decodeChecks(raw, policy),
    () => decodeToken(raw, policy),
  );
  const attributed = await trace.stage(
    'select_issuer',
    () => issuerChecks(unverified, policy),
    () => selectIssuer(unverified as UnverifiedToken, policy.issuers, ACCESS_TOKEN),
  );
  const key = await trace.stage(
    'resolve_key',
    () => keyChecks(attributed, policy),
    () => resolveKey(attributed as AttributedToken, policy.revocation),
  );
  const verified = await trace.stage(
    'verify_signature',
    () => signatureChecks(attributed),
    () => verifySignature(attributed as AttributedToken, key as NonNullable<typeof key>),
  );
  const issuer = unverified && policy.issuers.get(unverified.unverifiedIssuer);
  const validated = await trace.stage(
    'validate_claims',
    () => (issuer ? claimsChecks(unverified.unverifiedClaims, issuer, policy, now) : []),
    () => {
      const token = validateClaims(verified as NonNullable<typeof verified>);
      checkTimes(token, policy, now);
      return token;
    },
  );
  await trace.stage(
    'check_revocation',
    () => revocationChecks(policy),
    () => checkRevocation(validated as NonNullable<typeof validated>, policy.revocation),
  );

  const report = issuer?.keys.report();
  const { refusal } = trace;
  return {
    outcome: refusal === undefined ? 'accepted' : refusal instanceof TokenRejected ? 'rejected' : 'undecided',
    ...(refusal && { code: refusal.code, reason: refusal.message, status: refusal.status }),
    stages: trace.stages,
    hints: hintsFor({ raw, refusal, policy, now, unverified, attributed, report }),
    token: {
      redacted: redacted(raw),
      bytes: raw.length,
      verified: verified !== undefined,
      ...(unverified && { header: unverified.header, claims: unverified.unverifiedClaims }),
    },
    ...(unverified && { times: ages(unverified.unverifiedClaims, now) }),
    ...(attributed && report && { key: { kid: attributed.kid, ...report } }),
    ...(refusal === undefined && validated && { principal: validated.principal }),
  };
}

class Trace {
  readonly stages: StageTrace[] = [];
  refusal: (Error & { readonly code: Code; readonly status: number }) | undefined;

  /** The stage's result; `undefined` when it, or one before it, failed. */
  async stage<Result>(
    stage: StageName,
    checks: () => readonly Check[],
    run: () => Result | Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.refusal) {
      this.#write(stage, 'skipped', checks);
      return undefined;
    }
    const begun = performance.now();
    try {
      const result = await run();
      this.#write(stage, 'passed', checks, performance.now() - begun);
      return result;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const ms = performance.now() - begun;
      this.refusal = error;
      this.#write(stage, 'failed', checks, ms);
      return undefined;
    }
  }

  /** @param tookMs without the checks, which are made again for the trace */
  #write(stage: StageName, outcome: CheckOutcome, checksOf: () => readonly Check[], tookMs?: number): void {
    const checks = made(checksOf(), outcome, this.refusal?.code);
    const time = tookMs === undefined ? {} : { ms: Math.round(tookMs * 100) / 100 };
    if (outcome !== 'failed') return void this.stages.push({ stage, outcome, ...time, checks });
    const code = this.refusal?.code;
    const { expected, actual } = checks.find((check) => check.code === code) ?? {};
    this.stages.push({ stage, outcome, ...(code && { code }), ...(expected && { expected, actual }), ...time, checks });
  }
}

function made(checks: readonly Check[], stage: CheckOutcome, code: Code | undefined): CheckTrace[] {
  const at = stage === 'failed' ? checks.findIndex(({ fails }) => isAmong(code, fails)) : checks.length;
  return checks.map(({ check, fails, ...texts }, i) => {
    const [expected, actual] = [escaped(texts.expected), escaped(texts.actual)];
    if (typeof fails === 'function') return { check, ...outcomeOf(fails), expected, actual };
    // Made one after the other: those before the one that failed have passed, those after it weren't made.
    if (i === at) return { check, outcome: 'failed', ...(code && { code }), expected, actual };
    return { check, outcome: i < at && stage !== 'skipped' ? 'passed' : 'skipped', expected, actual };
  });
}

function isAmong(code: Code | undefined, fails: Check['fails']): boolean {
  return typeof fails !== 'function' && code !== undefined && fails.includes(code);
}

function outcomeOf(check: () => unknown): { outcome: CheckOutcome; code?: Code } {
  try {
    check();
    return { outcome: 'passed' };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { outcome: 'failed', code: error.code };
  }
}
