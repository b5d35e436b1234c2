import { StoreUnavailable } from './store-unavailable';

/** @throws StoreUnavailable for whatever a store's client throws */
export async function decided<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    throw new StoreUnavailable({ cause });
  }
}
