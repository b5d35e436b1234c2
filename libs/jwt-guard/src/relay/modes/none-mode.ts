import { type RelayMode } from '../relay-mode';

const NOTHING = Object.freeze({ headers: Object.freeze({}), cached: true });

/** Tells a destination nothing of the caller: for services that ask for no token. */
export class NoneMode implements RelayMode {
  credentials() {
    return NOTHING;
  }

  forget(): void {
    // There is nothing.
  }
}
