import { type CallState } from '../nest/call-state';
import { type RelayModeName } from './relay-options';

/** What became of one call to a destination: for whoever wants to see the relay at work. */
export interface RelayReport {
  readonly destination: string;
  readonly mode: RelayModeName;
  /** Whether what the call carried was at hand. */
  readonly cached: boolean;
  /** How long it took to get what the call carried, in milliseconds. */
  readonly exchangedInMs: number;
  /** How long the destination took to answer, in milliseconds; `undefined` as long as it hasn't. */
  readonly answeredInMs?: number;
}

export type OpenReport = { -readonly [Member in keyof RelayReport]: RelayReport[Member] };

/** The latest: a job that calls without an end must not keep them all. */
const MOST_REPORTS = 32;

export function addReport(call: CallState | undefined, report: OpenReport): void {
  if (!call) return;
  const reports = (call.root.relayed ??= []);
  if (reports.length === MOST_REPORTS) reports.shift();
  reports.push(report);
}
