import { type Summary } from './statistics';

/** How a run measures. */
export interface Bench {
  /** The Node that everything measured runs on: a path. */
  readonly node: string;
  /** Flags of the Node that servers which are measured run on, as `--cpu-prof`. Default: none. */
  readonly nodeFlags?: readonly string[];
  /** Few and short rounds: everything is run once, and nothing is precise. */
  readonly quick: boolean;
  /** Only what a target of the regression check needs. */
  readonly check: boolean;
  /** How many rounds, in which everything that is compared takes its turn. */
  readonly rounds: number;
  /** How long each turn takes, in milliseconds. */
  readonly turnMs: number;
  /** Says where it is: one line. */
  progress(line: string): void;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What has to be known to read it. */
  readonly notes?: readonly string[];
}

/** A figure that was set out to be reached. */
export interface Target {
  readonly name: string;
  readonly value: Summary;
  readonly unit?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /**
   * The bound of the regression check, generous enough for a busy machine and a short run. Of ratios only: none for
   * what is in seconds.
   */
  readonly check?: { readonly atLeast?: number; readonly atMost?: number };
}

/** Bars beside each other. */
export interface Plot {
  readonly title: string;
  readonly unit: string;
  /** Where the largest is many times the smallest. */
  readonly logarithmic?: boolean;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly ours?: boolean }[];
}

export interface PartResult {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  readonly plots: readonly Plot[];
}

export interface Part {
  /** As it is asked for on the command line. */
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<PartResult>;
}
