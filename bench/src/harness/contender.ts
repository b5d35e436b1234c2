/** One of those that are compared. It lives in a process of its own, so that nobody's code changes how another's is compiled. */
export interface Contender {
  /**
   * Does what is measured this many times, one after the other, and throws if the outcome isn't the expected one.
   *
   * @returns nanoseconds, where not all of it counts; else nothing
   */
  run(count: number): Promise<number | void>;
  close?(): Promise<void> | void;
}

/** What a module with contenders exports, by any name. `setting` is plain data. */
export type OpenContender<Setting> = (setting: Setting) => Promise<Contender> | Contender;
