import { type Signal, signal } from '@preact/signals';
import { type Failure, failureOf } from './words/problem-of-error';

/** What is asked for, and what came of it. A value stays while the next one is asked for, so that nothing jumps. */
export interface Loadable<T> {
  readonly busy: boolean;
  readonly value?: T | undefined;
  readonly failure?: Failure | undefined;
}

export interface Loader<T> {
  readonly state: Signal<Loadable<T>>;
  /** The answer that was asked for last is the one that counts. */
  readonly load: (ask: () => Promise<T>) => Promise<void>;
  readonly forget: () => void;
}

export function loader<T>(): Loader<T> {
  const state = signal<Loadable<T>>({ busy: false });
  let latest = 0;
  return {
    state,
    load: async (ask) => {
      const mine = ++latest;
      const { value } = state.peek();
      state.value = { busy: true, value };
      let next: Loadable<T>;
      try {
        next = { busy: false, value: await ask() };
      } catch (error) {
        next = { busy: false, value, failure: failureOf(error) };
      }
      if (mine === latest) state.value = next;
    },
    forget: () => {
      latest++;
      state.value = { busy: false };
    },
  };
}

const ofUser = new Set<() => void>();

/** For what only this user may see: forgotten with the session. */
export function userLoader<T>(): Loader<T> {
  const made = loader<T>();
  ofUser.add(made.forget);
  return made;
}

const asked = new Set<() => void>();

/** @param ask what is done again, where it has failed, when the gateway is there again; it may be done twice */
export function askedAgain(
  { state }: { readonly state: Pick<Signal<Loadable<unknown>>, 'peek'> },
  ask: () => void,
): void {
  asked.add(() => {
    if (state.peek().failure) ask();
  });
}

/** Asks once more for whatever couldn't be had. */
export function askAgain(): void {
  for (const ask of asked) ask();
}

/** @param forget called whenever the session is another one */
export function forgetWithUser(forget: () => void): void {
  ofUser.add(forget);
}

export function forgetUser(): void {
  for (const forget of ofUser) forget();
}
