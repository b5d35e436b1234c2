import { loader } from '../loading';
import { session } from '../session';

/** Whether there is a session already; a failure where that can’t be found out. */
export const resumed = loader<boolean>();
export const resume = (): void => void resumed.load(() => session.resume());
