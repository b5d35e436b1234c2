import { type DecisionTrace, explainCurrentCall } from '@token-relay/jwt-guard';
import { flag, type Mode } from './config';

/**
 * `EXPLAIN_CALLS`: `1` lets a service say, to who asks for it, why it took the caller's token, and what is in that.
 * It is nobody else's business, and refused outside of development.
 */
export const explainCalls = (mode: Mode) =>
  flag().refine(
    (isOn) => !isOn || mode === 'development',
    'is 1, by which answers hold the claims of the tokens that services call each other with: in development only',
  );

/** Tells of the current call why its token was accepted; nothing where that isn't to be told. */
export class ExplainedCalls {
  /** @param isOn as `EXPLAIN_CALLS` says */
  constructor(private readonly isOn: boolean) {}

  async traceOf(): Promise<{ readonly trace?: DecisionTrace }> {
    const trace = this.isOn ? await explainCurrentCall() : undefined;
    return trace ? { trace } : {};
  }
}
