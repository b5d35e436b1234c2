import { ProblemException } from './problem-exception';

/** The store doesn't answer: nothing can be said, and a write may have been applied or not. */
export class StoreUnavailable extends ProblemException {
  constructor(options: { readonly cause?: unknown } = {}) {
    super(503, 'store_unavailable', 'What is needed for this can not be had at the moment.');
    this.cause = options.cause;
  }
}

/** @throws StoreUnavailable for whatever a store's client throws */
export async function decided<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    throw new StoreUnavailable({ cause });
  }
}
